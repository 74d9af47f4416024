import { Clipboard } from '@jupyterlab/apputils';
import {
  copyIcon,
  launchIcon,
  listIcon,
  runIcon,
  stopIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import type { IDeployment, IJob } from '../api/types';
import { deployIcon } from '../common/icons';
import { type CommandContext, path } from './context';
import { CommandIDs } from './ids';

/** What can be done with a service, and with a package that may become one. */
export function addServiceCommands(context: CommandContext): void {
  const { app, lepton, client, trans } = context;
  const post = <T>(service: string, body: object) =>
    client.post<T>(path`deployments/${service}/actions`, body);

  const add = (
    id: string,
    label: string,
    short: string,
    icon: typeof runIcon,
    suits: (service: IDeployment) => boolean,
    execute: (service: IDeployment) => Promise<void> | void
  ) =>
    app.commands.addCommand(id, {
      label: args => (args.name ? short : `${label}…`),
      icon,
      describedBy: { args: { type: 'object', properties: { name: { type: 'string' } } } },
      isEnabled: args => {
        const { model } = lepton;
        const named = args.name ? model.deployment(args.name as string) : undefined;
        return args.name ? named !== undefined && suits(named) : model.deployments.some(suits);
      },
      execute: async args => {
        const service = await context.pickService(args, label);
        if (service) {
          await execute(service);
        }
      }
    });
  const open = (tab: string) => (service: IDeployment) => {
    void app.commands.execute(CommandIDs.openServiceView, { name: service.name, tab });
  };
  const can = (action: string) => (service: IDeployment) => service.actions.includes(action);

  add(
    CommandIDs.openService,
    trans.__('Open Service'),
    trans.__('Open'),
    launchIcon,
    () => true,
    open('overview')
  );
  add(
    CommandIDs.tryService,
    trans.__('Try Service'),
    trans.__('Try It'),
    runIcon,
    () => true,
    open('try')
  );
  add(
    CommandIDs.serviceLog,
    trans.__('Show Log of Service'),
    trans.__('Show Log'),
    listIcon,
    () => true,
    open('log')
  );

  add(
    CommandIDs.copyServiceUrl,
    trans.__('Copy URL of Service'),
    trans.__('Copy URL'),
    copyIcon,
    () => true,
    service => {
      Clipboard.copyToSystem(service.url);
      context.say(trans.__('Copied %1', service.url));
    }
  );

  add(
    CommandIDs.copyServiceToken,
    trans.__('Copy Token of Service'),
    trans.__('Copy Token'),
    copyIcon,
    can('token'),
    async service => {
      const answer = await context.attempt(() =>
        post<{ token: string }>(service.name, { action: 'token' })
      );
      if (answer) {
        Clipboard.copyToSystem(answer.token);
        context.say(
          trans.__('Copied the token of %1. Who has it may use the service.', service.name)
        );
      }
    }
  );

  add(
    CommandIDs.stopService,
    trans.__('Stop Service'),
    trans.__('Stop'),
    stopIcon,
    can('stop'),
    async service => {
      const sure = await context.isSure(
        trans.__('Stop the service %1?', service.name),
        trans.__(
          'Requests in flight are finished; later ones are refused. Its name keeps its token.'
        ),
        trans.__('Stop')
      );
      if (sure) {
        await context.start(
          () => post<{ job: IJob }>(service.name, { action: 'stop' }),
          trans.__('Stopping %1', service.name),
          trans.__('%1 is stopped', service.name)
        );
      }
    }
  );

  add(
    CommandIDs.rollbackService,
    trans.__('Roll Back Service'),
    trans.__('Roll Back'),
    undoIcon,
    can('rollback'),
    async service => {
      const sure = await context.isSure(
        trans.__('Roll back %1?', service.name),
        trans.__(
          'Version %1 goes live again in place of %2, under the same URL and token.',
          service.previous_version ?? '–',
          service.version
        ),
        trans.__('Roll back')
      );
      if (sure) {
        await context.start(
          () => post<{ job: IJob }>(service.name, { action: 'rollback' }),
          trans.__('Rolling back %1', service.name),
          trans.__('%1 is rolled back', service.name)
        );
      }
    }
  );

  app.commands.addCommand(CommandIDs.deployPackage, {
    label: trans.__('Deploy'),
    icon: deployIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: { name: { type: 'string' }, version: { type: 'number' } }
      }
    },
    isVisible: args => 'name' in args,
    execute: async args => {
      const name = args.name as string;
      await context.start(
        () => post<{ job: IJob }>(name, { action: 'deploy', package: name, version: args.version }),
        trans.__('Starting %1 version %2', name, args.version as number),
        trans.__('%1 version %2 is being served', name, args.version as number)
      );
    }
  });
}
