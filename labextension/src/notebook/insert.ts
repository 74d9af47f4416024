import { NotebookActions, type Notebook, type NotebookPanel } from '@jupyterlab/notebook';
import { namesIn } from './names';

const LOAD = '%load_ext lepton_nb';

/** The text of a notebook's code cells. */
export function codeOf(panel: NotebookPanel): string[] {
  const cells = panel.content.model?.sharedModel.cells ?? [];
  return cells.filter(cell => cell.cell_type === 'code').map(cell => cell.getSource());
}

/**
 * Write cells at the cursor: into the active cell where it is empty, else below it.
 *
 * Where the notebook never loads the extension, the cell that does comes first.
 */
export function insertCells(panel: NotebookPanel, texts: readonly string[]): void {
  const isLoaded = namesIn([...codeOf(panel), ...texts]).isLoaded;
  const notebook = panel.content;
  for (const text of isLoaded ? texts : [LOAD, ...texts]) {
    insert(notebook, text);
  }
  notebook.activate();
  const active = notebook.activeCell;
  if (active) {
    void notebook.scrollToCell(active);
  }
}

function insert(notebook: Notebook, text: string): void {
  const active = notebook.activeCell?.model;
  if (!active || active.type !== 'code' || active.sharedModel.getSource().trim() !== '') {
    NotebookActions.insertBelow(notebook);
    NotebookActions.changeCellType(notebook, 'code');
  }
  notebook.activeCell?.model.sharedModel.setSource(text);
}
