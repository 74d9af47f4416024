import type { runIcon } from '@jupyterlab/ui-components';
import type { Args, CommandContext } from './context';

/** A kind of thing that commands act on, one at a time. */
export interface ITarget<T> {
  /** The argument that names one. */
  argument: string;
  description: string;
  named(args: Args): T[];
  all(): readonly T[];
  pick(args: Args, title: string, suits: (item: T) => boolean): Promise<T | null>;
}

/** How to add commands on one thing. Without a name each is enabled where something suits it. */
export function commandsOn<T>({ app }: CommandContext, target: ITarget<T>) {
  const { argument } = target;
  return (
    id: string,
    label: string,
    short: string,
    icon: typeof runIcon,
    suits: (item: T) => boolean,
    execute: (item: T) => Promise<void> | void
  ) =>
    app.commands.addCommand(id, {
      label: args => (args[argument] ? short : `${label}…`),
      icon,
      describedBy: {
        args: {
          type: 'object',
          properties: { [argument]: { type: 'string', description: target.description } }
        }
      },
      isEnabled: args => {
        const named = target.named(args);
        return named.length ? named.every(suits) : !args[argument] && target.all().some(suits);
      },
      execute: async args => {
        const item = await target.pick(args, label, suits);
        if (item) {
          await execute(item);
        }
      }
    });
}
