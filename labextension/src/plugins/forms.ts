import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';

/** What an output dispatches, as a DOM event that bubbles, to have a line written into a cell below it. */
export const INSERT_CELL = 'lepton:insert-cell';

/** Forms in outputs, such as that of `%lepton form`, write their line into the cell below. */
export const formsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:forms',
  description: 'Writes the lines of forms in outputs into cells.',
  autoStart: true,
  requires: [INotebookTracker],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker) => {
    document.addEventListener(INSERT_CELL, event => {
      const { detail, target } = event as CustomEvent<{ text?: unknown }>;
      const panel = notebooks.find(found => found.node.contains(target as Node));
      if (panel && typeof detail.text === 'string') {
        insertBelow(panel, target as Node, detail.text);
        event.preventDefault(); // it was heard: the form need not offer to copy the line
      }
    });
  }
};

/** Write a code cell below the one that holds the node, and make it the active one. */
function insertBelow(panel: NotebookPanel, node: Node, text: string): void {
  const notebook = panel.content;
  const index = notebook.widgets.findIndex(cell => cell.node.contains(node));
  if (index >= 0) {
    notebook.activeCellIndex = index;
  }
  NotebookActions.insertBelow(notebook);
  NotebookActions.changeCellType(notebook, 'code');
  notebook.activeCell?.model.sharedModel.setSource(text);
  notebook.activate();
}
