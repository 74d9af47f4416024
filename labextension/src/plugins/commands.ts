import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { addCellCommands } from '../commands/cells';
import { CommandContext } from '../commands/context';
import { CommandIDs } from '../commands/ids';
import { addRunCommands } from '../commands/runs';
import { addServiceCommands } from '../commands/services';
import { DOMAIN } from '../common/translation';
import { ILepton } from '../tokens';

/** Everything that can be done, as commands: the palette, shortcuts and menus run these. */
export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:commands',
  description: 'Commands on runs, packages and services.',
  autoStart: true,
  requires: [ILepton],
  optional: [ICommandPalette, INotebookTracker, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    palette: ICommandPalette | null,
    notebooks: INotebookTracker | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const context = new CommandContext(app, lepton, notebooks, trans);
    addRunCommands(context);
    addServiceCommands(context);
    addCellCommands(context);

    const category = trans.__('Lepton');
    const needArguments: string[] = [
      CommandIDs.openServiceView,
      CommandIDs.deployPackage,
      CommandIDs.insertCell
    ];
    for (const command of Object.values(CommandIDs)) {
      if (!needArguments.includes(command)) {
        palette?.addItem({ command, category });
      }
    }
    for (const action of ['train', 'evaluate', 'deploy', 'predict']) {
      palette?.addItem({ command: CommandIDs.insertCell, category, args: { action } });
    }
    lepton.model.changed.connect(() => app.commands.notifyCommandChanged());
    lepton.selection.changed.connect(() => app.commands.notifyCommandChanged());
  }
};
