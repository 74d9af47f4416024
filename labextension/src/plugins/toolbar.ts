import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ToolbarButton } from '@jupyterlab/ui-components';
import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Menu } from '@lumino/widgets';
import { CommandIDs } from '../commands/ids';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import { codeOf } from '../notebook/insert';
import { namesIn } from '../notebook/names';

const PLACE = 10; // after the cell's own buttons

/** A menu in every notebook's toolbar that writes the next cell with the names the notebook has already. */
export const toolbarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:toolbar',
  description: 'A Lepton menu in the notebook toolbar.',
  autoStart: true,
  optional: [ITranslator, INotebookTracker],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (panel: NotebookPanel): IDisposable => {
        const button = new ToolbarButton({
          icon: leptonIcon,
          tooltip: trans.__('Lepton: write the next cell'),
          onClick: () => openMenu(app, panel, button)
        });
        button.addClass('lp-ToolbarButton');
        panel.toolbar.insertItem(PLACE, 'lepton', button);
        return new DisposableDelegate(() => button.dispose());
      }
    });
  }
};

function openMenu(app: JupyterFrontEnd, panel: NotebookPanel, button: ToolbarButton): void {
  const { model, data, run } = namesIn(codeOf(panel));
  const menu = new Menu({ commands: app.commands });
  const add = (action: string, args: Record<string, string | undefined>) => {
    const known = Object.fromEntries(
      Object.entries(args).filter(([, value]) => value !== undefined)
    );
    menu.addItem({ command: CommandIDs.insertCell, args: { action, ...known } });
  };
  add('train', { model, data });
  add('evaluate', { run });
  add('deploy', { run });
  add('predict', { deployment: run });
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: CommandIDs.openPanel });
  const { left, bottom } = button.node.getBoundingClientRect();
  menu.aboutToClose.connect(() => window.setTimeout(() => menu.dispose(), 0));
  menu.open(left, bottom);
}
