import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CommandIDs } from '../commands/ids';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import type { IRunQuery } from '../model/listing';
import { LeptonPanel, PANEL_ID } from '../panel/panel';
import { ILepton } from '../tokens';

const MEMORY = 'lepton-nb:panel';

/** The side panel. */
export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:panel',
  description: 'The side panel: runs, services, packages and data.',
  autoStart: true,
  requires: [ILepton],
  optional: [ILayoutRestorer, IStateDB, ITranslator, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    restorer: ILayoutRestorer | null,
    memory: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const panel = new LeptonPanel(lepton, app.commands, translator ?? nullTranslator, query => {
      void memory?.save(MEMORY, { ...query } as ReadonlyPartialJSONObject);
    });
    // The state is there only when the lab is, which waits for this plugin.
    void memory?.fetch(MEMORY).then(kept => panel.restore((kept ?? {}) as Partial<IRunQuery>));
    app.shell.add(panel, 'left', { rank: 350, type: 'Lepton' });
    restorer?.add(panel, PANEL_ID);

    const show = () => app.shell.activateById(PANEL_ID);
    app.commands.addCommand(CommandIDs.openPanel, {
      label: trans.__('Show Lepton'),
      icon: leptonIcon,
      execute: show
    });
    app.commands.addCommand(CommandIDs.search, {
      label: trans.__('Search Runs'),
      execute: () => {
        show();
        panel.focusSearch();
      }
    });
  }
};
