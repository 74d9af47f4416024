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
import { commandsOn } from './target';

/** What can be done with a service, and with a package that may become one. */
export function addServiceCommands(context: CommandContext): void {
  const { app, lepton, client, trans } = context;
  const post = <T>(service: string, body: object) =>
    client.post<T>(path`deployments/${service}/actions`, body);

  const add = commandsOn<IDeployment>(context, {
    argument: 'name',
    description: trans.__('The service'),
    named: args => {
      const found = lepton.model.deployment((args.name as string | undefined) ?? '');
      return found ? [found] : [];
    },
    all: () => lepton.model.deployments,
    pick: (args, title) => context.pickService(args, title)
  });
  /** Ask, then have the server do it and tell how it goes. */
  const control = (
    service: IDeployment,
    action: string,
    question: [string, string, string],
    begun: string,
    done: string
  ) =>
    context.ifSure(...question, () =>
      context.start(() => post<{ job: IJob }>(service.name, { action }), begun, done)
    );
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
    service =>
      control(
        service,
        'stop',
        [
          trans.__('Stop the service %1?', service.name),
          trans.__(
            'Requests in flight are finished; later ones are refused. Its name keeps its token.'
          ),
          trans.__('Stop')
        ],
        trans.__('Stopping %1', service.name),
        trans.__('%1 is stopped', service.name)
      )
  );

  add(
    CommandIDs.rollbackService,
    trans.__('Roll Back Service'),
    trans.__('Roll Back'),
    undoIcon,
    can('rollback'),
    service =>
      control(
        service,
        'rollback',
        [
          trans.__('Roll back %1?', service.name),
          trans.__(
            'Version %1 goes live again in place of %2, under the same URL and token.',
            service.previous_version ?? '–',
            service.version
          ),
          trans.__('Roll back')
        ],
        trans.__('Rolling back %1', service.name),
        trans.__('%1 is rolled back', service.name)
      )
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
