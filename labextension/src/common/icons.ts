import { LabIcon } from '@jupyterlab/ui-components';
import compareSvg from '../../style/icons/compare.svg';
import leptonSvg from '../../style/icons/lepton.svg';
import pauseSvg from '../../style/icons/pause.svg';
import deploySvg from '../../style/icons/deploy.svg';

/** A small particle on its orbit: the mark of Lepton. */
export const leptonIcon = new LabIcon({ name: 'lepton-nb:lepton', svgstr: leptonSvg });
export const compareIcon = new LabIcon({ name: 'lepton-nb:compare', svgstr: compareSvg });
export const deployIcon = new LabIcon({ name: 'lepton-nb:deploy', svgstr: deploySvg });
export const pauseIcon = new LabIcon({ name: 'lepton-nb:pause', svgstr: pauseSvg });
