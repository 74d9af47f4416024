import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import { imageIcon, spreadsheetIcon, textEditorIcon } from '@jupyterlab/ui-components';
import type { ITemplate } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import { ILepton } from '../tokens';

const CARD = 'lepton:launcher-card';

/** The kind of data a template is for; the tutorials carry the mark of Lepton. */
const ICONS: Record<string, LabIcon> = {
  train_pictures: imageIcon,
  train_table: spreadsheetIcon,
  train_sentences: textEditorIcon
};

/** A card for each tutorial and template: a click makes a notebook of it. */
export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:launcher',
  description: 'Launcher cards for tutorials and templates.',
  autoStart: true,
  requires: [ILepton],
  optional: [ILauncher, ITranslator], // Notebook has no launcher
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ) => {
    if (!launcher) {
      return;
    }
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    app.commands.addCommand(CARD, {
      label: args => args.title as string,
      caption: args => args.description as string,
      icon: args => ICONS[args.id as string] ?? leptonIcon,
      execute: args => app.commands.execute(CommandIDs.newFromTemplate, args)
    });
    // Not waited for: the lab opens meanwhile.
    lepton.model.client
      .get<{ templates: ITemplate[] }>('templates')
      .then(({ templates }) =>
        // The tutorials come first: the section takes its icon from its first card.
        [...templates]
          .sort((a, b) => Number(b.kind === 'tutorial') - Number(a.kind === 'tutorial'))
          .forEach((template, rank) =>
            launcher.add({
              command: CARD,
              category: trans.__('Lepton'),
              args: { ...template },
              rank
            })
          )
      )
      .catch(error => console.warn('lepton-nb: the templates could not be read', error));
  }
};
