import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ITemplate } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import { ILepton } from '../tokens';

const CARD = 'lepton:launcher-card';

/** A card for each tutorial and template: a click makes a notebook of it. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:launcher',
  description: 'Launcher cards for tutorials and templates.',
  autoStart: true,
  requires: [ILepton, ILauncher],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    launcher: ILauncher,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    app.commands.addCommand(CARD, {
      label: args => args.title as string,
      caption: args => args.description as string,
      icon: leptonIcon,
      execute: args => app.commands.execute(CommandIDs.newFromTemplate, args)
    });
    // Not waited for: the lab opens meanwhile.
    lepton.model.client
      .get<{ templates: ITemplate[] }>('templates')
      .then(({ templates }) =>
        templates.forEach((template, rank) =>
          launcher.add({ command: CARD, category: trans.__('Lepton'), args: { ...template }, rank })
        )
      )
      .catch(error => console.warn('lepton-nb: the templates could not be read', error));
  }
};
