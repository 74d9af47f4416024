import { Clipboard } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import {
  copyIcon,
  deleteIcon,
  folderIcon,
  launchIcon,
  listIcon,
  runIcon,
  settingsIcon,
  stopIcon,
  tableRowsIcon
} from '@jupyterlab/ui-components';
import type { IJob, IRun, IRunDetail } from '../api/types';
import { compareIcon, deployIcon, pauseIcon } from '../common/icons';
import { type CommandContext, path } from './context';
import { CommandIDs } from './ids';
import { commandsOn } from './target';

/** Stop, pause, resume, delete, evaluate, deploy: what can be done with a run. */
export function addRunCommands(context: CommandContext): void {
  const { app, lepton, client, trans } = context;
  const can = (action: string) => (run: IRun) => (run.actions ?? []).includes(action);
  const post = <T>(run: IRun, body: object) => client.post<T>(path`runs/${run.ref}/actions`, body);

  const add = commandsOn<IRun>(context, {
    argument: 'ref',
    description: trans.__('The run, such as cnn@2'),
    named: args => context.runs(args),
    all: () => lepton.model.runs,
    pick: (args, title, suits) => context.pickRun(args, title, suits)
  });

  const control = (action: string) => async (run: IRun) => {
    await context.attempt(() => post(run, { action }));
  };

  add(
    CommandIDs.pauseRun,
    trans.__('Pause Run'),
    trans.__('Pause'),
    pauseIcon,
    can('pause'),
    control('pause')
  );

  add(
    CommandIDs.changeRate,
    trans.__('Change Learning Rate of Run'),
    trans.__('Learning Rate'),
    settingsIcon,
    can('lr'),
    async run => {
      const value = await context.askNumber(
        trans.__('Peak learning rate of %1', run.ref),
        trans.__('The schedule goes on from it.'),
        run.latest?.lr
      );
      if (value !== null) {
        await context.attempt(() => post(run, { action: 'lr', value }));
      }
    }
  );

  add(CommandIDs.stopRun, trans.__('Stop Run'), trans.__('Stop'), stopIcon, can('stop'), run =>
    context.ifSure(
      trans.__('Stop %1?', run.ref),
      trans.__(
        'It ends after the step in progress. The best checkpoint is kept, and it can be resumed.'
      ),
      trans.__('Stop'),
      () => control('stop')(run)
    )
  );

  add(
    CommandIDs.resumeRun,
    trans.__('Resume Run'),
    trans.__('Resume'),
    runIcon,
    can('resume'),
    async run => {
      if (run.status === 'paused') {
        return control('resume')(run);
      }
      await context.start(
        () => post<{ job: IJob }>(run, { action: 'resume' }),
        trans.__('%1 is being resumed in a process of its own', run.ref),
        trans.__('%1 goes on', run.ref)
      );
    }
  );

  add(
    CommandIDs.evaluateRun,
    trans.__('Evaluate Run'),
    trans.__('Evaluate'),
    tableRowsIcon,
    can('evaluate'),
    async run => {
      await context.start(
        () => post<{ job: IJob }>(run, { action: 'evaluate', split: 'test' }),
        trans.__('Evaluating %1 on the test split', run.ref),
        trans.__('%1 is evaluated', run.ref)
      );
    }
  );

  add(
    CommandIDs.deployRun,
    trans.__('Deploy Run'),
    trans.__('Deploy'),
    deployIcon,
    can('deploy'),
    async run => {
      await context.start(
        () =>
          client.post<{ job: IJob }>(path`deployments/${run.name}/actions`, {
            action: 'deploy',
            run: run.ref
          }),
        trans.__('Packaging and starting %1', run.ref),
        trans.__('%1 is being served', run.name)
      );
    }
  );

  add(
    CommandIDs.openRun,
    trans.__('Open Run'),
    trans.__('Open'),
    launchIcon,
    () => true,
    run => {
      void app.commands.execute(CommandIDs.compareRuns, { refs: [run.ref] });
    }
  );

  add(
    CommandIDs.runLog,
    trans.__('Show Log of Run'),
    trans.__('Show Log'),
    listIcon,
    () => true,
    run => {
      void app.commands.execute(CommandIDs.compareRuns, { refs: [run.ref], tab: 'log' });
    }
  );

  add(
    CommandIDs.copyRunName,
    trans.__('Copy Name of Run'),
    trans.__('Copy Name'),
    copyIcon,
    () => true,
    run => {
      Clipboard.copyToSystem(run.ref);
      context.say(trans.__('Copied %1', run.ref));
    }
  );

  add(
    CommandIDs.revealCheckpoint,
    trans.__('Reveal Best Checkpoint'),
    trans.__('Reveal Best Checkpoint'),
    folderIcon,
    () => true,
    async run => {
      const detail = await context.attempt(() => client.get<IRunDetail>(path`runs/${run.ref}`));
      if (!detail) {
        return;
      }
      const best = detail.checkpoints.find(item => item.best) ?? detail.checkpoints[0];
      if (!best) {
        return context.say(trans.__('%1 has no checkpoint yet.', run.ref));
      }
      const inside = relativeToServer(best.path);
      if (inside !== null && app.commands.hasCommand('filebrowser:go-to-path')) {
        await app.commands.execute('filebrowser:go-to-path', { path: inside });
        return;
      }
      Clipboard.copyToSystem(best.path);
      context.say(trans.__('Copied the path of the checkpoint: %1', best.path));
    }
  );

  app.commands.addCommand(CommandIDs.annotateRun, {
    label: trans.__('Change Note or Tags of Run'),
    isVisible: args => Boolean(args.ref),
    execute: async ({ ref, notes, tags }) => {
      await context.attempt(() =>
        client.post(path`runs/${ref as string}/actions`, { action: 'annotate', notes, tags })
      );
    }
  });

  app.commands.addCommand(CommandIDs.deleteRun, {
    label: args => (args.ref || args.refs ? trans.__('Delete') : trans.__('Delete Selected Runs')),
    icon: deleteIcon,
    isEnabled: args => {
      const runs = context.runs(args);
      return runs.length > 0 && runs.every(can('delete'));
    },
    execute: async args => {
      const runs = context.runs(args);
      const names = runs.map(run => run.ref).join(', ');
      const sure = await context.isSure(
        runs.length === 1
          ? trans.__('Delete %1?', names)
          : trans._n('Delete %1 run?', 'Delete %1 runs?', runs.length),
        trans.__(
          '%1: the history, checkpoints and files go for good. Packages made from it stay.',
          names
        ),
        trans.__('Delete')
      );
      for (const run of sure ? runs : []) {
        await context.attempt(() => post(run, { action: 'delete' }));
      }
    }
  });

  app.commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Lepton'),
    execute: () => lepton.model.refresh()
  });

  app.commands.addCommand(CommandIDs.reproduceRun, {
    label: trans.__('Insert Cells That Reproduce the Run'),
    icon: compareIcon,
    isEnabled: args => context.runs(args).length === 1,
    execute: args =>
      app.commands.execute(CommandIDs.insertCell, {
        action: 'reproduce',
        run: context.runs(args)[0].ref
      })
  });
}

/** The path as the file browser knows it; null where it cannot show it: outside its root, or hidden. */
function relativeToServer(file: string): string | null {
  const root = PageConfig.getOption('serverRoot').replace(/\/*$/, '/');
  const home = /^(\/root|\/home\/[^/]+|\/Users\/[^/]+)\//.exec(file)?.[0] ?? '/';
  const absolute = root.startsWith('~/') ? home + root.slice(2) : root;
  const inside = file.startsWith(absolute) ? file.slice(absolute.length) : null;
  return inside === null || inside.split('/').some(part => part.startsWith('.')) ? null : inside;
}
