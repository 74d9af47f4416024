import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { CommandIDs } from '../commands/ids';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import { DEFAULT_QUERY, type IRunQuery } from '../model/listing';
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
  activate: async (
    app: JupyterFrontEnd,
    lepton: ILepton,
    restorer: ILayoutRestorer | null,
    memory: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const kept = (await memory?.fetch(MEMORY).catch(() => undefined)) as Partial<IRunQuery> | undefined;
    const panel = new LeptonPanel(lepton, app.commands, translator ?? nullTranslator, {
      query: { ...DEFAULT_QUERY, ...kept },
      save: query => void memory?.save(MEMORY, { ...query } as ReadonlyPartialJSONObject)
    });
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
