import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import * as React from 'react';
import { EvaluationOutput, NEWEST } from './evaluation';
import { LeptonOutput } from './output';
import type { IEvaluationBundle } from './types';

const EVALUATION = 'application/vnd.lepton.evaluation+json';

/** An evaluation is drawn from what its cell left: no kernel and no server is asked. */
const extension: IRenderMime.IExtension = {
  id: 'lepton-nb:evaluation-output',
  description: `Renders ${EVALUATION}.`,
  rendererFactory: {
    safe: true,
    mimeTypes: [EVALUATION],
    defaultRank: 40, // before HTML and PNG
    createRenderer: options =>
      new LeptonOutput<IEvaluationBundle>(
        data => <EvaluationOutput bundle={data} />,
        options,
        NEWEST
      )
  },
  dataType: 'json'
};

export default extension;
