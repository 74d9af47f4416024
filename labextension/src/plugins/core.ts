import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { LeptonClient } from '../api/client';
import { EventSocket } from '../api/socket';
import { LeptonModel } from '../model/lepton';
import { Selection } from '../model/selection';
import { ILepton } from '../tokens';

/** The state that everything else shows: one for the whole lab. */
export const corePlugin: JupyterFrontEndPlugin<ILepton> = {
  id: 'lepton-nb:core',
  description: 'Keeps the runs, packages and services of Lepton Notebook up to date.',
  autoStart: true,
  provides: ILepton,
  activate: (app: JupyterFrontEnd): ILepton => {
    const settings = app.serviceManager.serverSettings;
    const model = new LeptonModel(new LeptonClient(settings), new EventSocket(settings));
    const selection = new Selection();
    model.changed.connect((_, topic) => {
      if (topic === 'runs' && model.status === 'ready') {
        selection.keep(new Set(model.runs.map(run => run.ref)));
      }
    });
    return { model, selection };
  }
};
