import { Clipboard } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { addIcon } from '@jupyterlab/ui-components';
import { insertCells } from '../notebook/insert';
import { type Args, type CommandContext, path } from './context';
import { CommandIDs } from './ids';

const SUBJECTS = ['run', 'runs', 'deployment', 'model', 'data'] as const;

/** Writing the cell that does a thing, and notebooks from templates. */
export function addCellCommands(context: CommandContext): void {
  const { app, client, trans } = context;
  const labels: Record<string, string> = {
    train: trans.__('Insert Cell That Trains'),
    evaluate: trans.__('Insert Cell That Evaluates'),
    deploy: trans.__('Insert Cell That Deploys'),
    predict: trans.__('Insert Cell That Predicts'),
    resume: trans.__('Insert Cell That Resumes'),
    attach: trans.__('Insert Cell That Shows Its Live Panel'),
    compare: trans.__('Insert Cell That Compares'),
    get: trans.__('Insert Cell That Gets It as an Object'),
    reproduce: trans.__('Insert Cells That Reproduce It')
  };

  app.commands.addCommand(CommandIDs.insertCell, {
    label: args => labels[args.action as string] ?? trans.__('Insert Cell'),
    icon: addIcon,
    describedBy: {
      args: {
        type: 'object',
        required: ['action'],
        properties: Object.fromEntries(
          ['action', ...SUBJECTS].map(name => [name, { type: 'string' }])
        )
      }
    },
    execute: async args => {
      const query = Object.fromEntries(
        SUBJECTS.map(name => [name, args[name] as string | undefined])
      );
      const answer = await context.attempt(() =>
        client.get<{ cells: string[] }>('cells', { action: args.action as string, ...query })
      );
      if (answer) {
        await write(answer.cells);
      }
    }
  });

  app.commands.addCommand(CommandIDs.newFromTemplate, {
    label: args => (args.title as string | undefined) ?? trans.__('New Lepton Notebook'),
    caption: args => (args.description as string | undefined) ?? '',
    describedBy: { args: { type: 'object', properties: { id: { type: 'string' } } } },
    execute: async (args: Args) => {
      const id = (args.id as string | undefined) ?? '01_quickstart';
      const made = await context.attempt(() =>
        client.post<{ path: string }>(path`templates/${id}`, { path: (args.cwd as string) ?? '' })
      );
      return made ? app.commands.execute('docmanager:open', { path: made.path }) : undefined;
    }
  });

  async function write(texts: string[]): Promise<void> {
    const panel = context.notebooks?.currentWidget ?? (await newNotebook());
    if (panel) {
      app.shell.activateById(panel.id);
      insertCells(panel, texts);
      return;
    }
    Clipboard.copyToSystem(texts.join('\n\n'));
    context.say(trans.__('No notebook is open, so the cell was copied.'));
  }

  async function newNotebook(): Promise<NotebookPanel | null> {
    if (!app.commands.hasCommand('notebook:create-new')) {
      return null;
    }
    const made = (await app.commands.execute('notebook:create-new', {
      kernelName: app.serviceManager.kernelspecs.specs?.default
    })) as NotebookPanel | undefined;
    await made?.context?.ready;
    return made?.content ? made : null;
  }
}
