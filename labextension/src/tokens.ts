import { Token } from '@lumino/coreutils';
import type { LeptonModel } from './model/lepton';
import type { Selection } from './model/selection';

/** What the plugins of this extension share; other extensions may ask for it too. */
export interface ILepton {
  readonly model: LeptonModel;
  readonly selection: Selection;
}

export const ILepton = new Token<ILepton>(
  'lepton-nb:ILepton',
  'The runs, packages and services of Lepton Notebook, kept up to date.'
);
