import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import type { ISubcommand } from '../api/types';
import { magicHighlight } from '../editor/highlight';
import { magicHover } from '../editor/hover';
import { ILepton } from '../tokens';

/** Colours for `%lepton` lines, and help for what the pointer rests on. */
export const editorPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:editor',
  description: 'Highlighting and hover help of %lepton lines.',
  autoStart: true,
  requires: [ILepton, IEditorExtensionRegistry],
  activate: (_: JupyterFrontEnd, lepton: ILepton, registry: IEditorExtensionRegistry) => {
    let asked: Promise<ISubcommand[]> | null = null;
    /** The subcommands as the magic's own parser describes them; asked for once. */
    const subcommands = () => {
      asked ??= lepton.model.client
        .get<{ commands: ISubcommand[] }>('commands')
        .then(answer => answer.commands)
        .catch(error => {
          asked = null;
          throw error;
        });
      return asked;
    };
    registry.addExtension({
      name: 'lepton-nb:magic',
      factory: options =>
        options.inline === false && !isPython(options.model.mimeType)
          ? null
          : EditorExtensionRegistry.createImmutableExtension([
              magicHighlight(),
              magicHover(subcommands)
            ])
    });
  }
};

function isPython(mimeType: string): boolean {
  return mimeType.includes('python') || mimeType.includes('ipython');
}
