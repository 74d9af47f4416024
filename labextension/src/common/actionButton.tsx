import type { LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';

/** A small button with an icon alone; its name is read out and shown on hovering. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  pressed?: boolean;
  popup?: 'menu' | 'true';
  tabIndex?: number;
}): React.ReactElement {
  return (
    <button
      type="button"
      className="lp-IconButton"
      title={props.label}
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-haspopup={props.popup}
      tabIndex={props.tabIndex}
      onClick={event => {
        event.stopPropagation();
        props.onClick(event);
      }}
    >
      <props.icon.react tag="span" aria-hidden="true" />
    </button>
  );
}

/** A button that is a command of the lab: its icon, its name, and absent where it cannot be done. */
export function CommandButton(props: {
  commands: CommandRegistry;
  id: string;
  args: ReadonlyPartialJSONObject;
  text?: boolean;
  primary?: boolean;
  tabIndex?: number;
}): React.ReactElement | null {
  const { commands, id, args } = props;
  if (!commands.isEnabled(id, args)) {
    return null;
  }
  const label = commands.label(id, args);
  const icon = commands.icon(id, args) as LabIcon;
  const run = () => void commands.execute(id, args);
  if (!props.text) {
    const of = (args.ref ?? args.name) as string | undefined;
    return (
      <IconButton
        icon={icon}
        label={[label, of].filter(Boolean).join(' ')}
        onClick={run}
        tabIndex={props.tabIndex}
      />
    );
  }
  return (
    <button
      type="button"
      className={`lp-Button ${props.primary ? 'lp-mod-primary' : ''}`}
      onClick={run}
    >
      {label}
    </button>
  );
}
