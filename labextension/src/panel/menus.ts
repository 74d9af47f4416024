import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';
import type { IDeployment, IRun } from '../api/types';
import { CommandIDs } from '../commands/ids';

type Item = [string, ReadonlyJSONObject] | null;

export interface IPoint {
  clientX: number;
  clientY: number;
}

/** Everything that can be done with a run, or with several selected ones. */
export function openRunMenu(
  commands: CommandRegistry,
  trans: TranslationBundle,
  run: IRun,
  selected: readonly string[],
  at: IPoint
): void {
  if (selected.length > 1 && selected.includes(run.ref)) {
    const refs = [...selected];
    return open(commands, at, [
      [CommandIDs.compareRuns, { refs }],
      [CommandIDs.insertCell, { action: 'compare', runs: refs.join(',') }],
      null,
      [CommandIDs.deleteRun, { refs }]
    ]);
  }
  const ref = run.ref;
  const insert = submenu(commands, trans.__('Insert Cell'), [
    ...['attach', 'evaluate', 'deploy', 'resume', 'get', 'reproduce'].map(
      action =>
        [CommandIDs.insertCell, { action, run: ref }] as [string, { action: string; run: string }]
    )
  ]);
  open(
    commands,
    at,
    [
      [CommandIDs.openRun, { ref }],
      [CommandIDs.runLog, { ref }],
      null,
      [CommandIDs.pauseRun, { ref }],
      [CommandIDs.resumeRun, { ref }],
      [CommandIDs.stopRun, { ref }],
      null,
      [CommandIDs.evaluateRun, { ref }],
      [CommandIDs.deployRun, { ref }],
      null,
      [CommandIDs.copyRunName, { ref }],
      [CommandIDs.revealCheckpoint, { ref }],
      null,
      [CommandIDs.deleteRun, { ref }]
    ],
    insert
  );
}

/** Everything that can be done with a service. */
export function openServiceMenu(commands: CommandRegistry, service: IDeployment, at: IPoint): void {
  const name = service.name;
  open(commands, at, [
    [CommandIDs.openService, { name }],
    [CommandIDs.tryService, { name }],
    [CommandIDs.serviceLog, { name }],
    null,
    [CommandIDs.copyServiceUrl, { name }],
    [CommandIDs.copyServiceToken, { name }],
    [CommandIDs.insertCell, { action: 'predict', deployment: name }],
    null,
    [CommandIDs.rollbackService, { name }],
    [CommandIDs.stopService, { name }]
  ]);
}

function submenu(
  commands: CommandRegistry,
  label: string,
  items: [string, ReadonlyJSONObject][]
): Menu {
  const menu = new Menu({ commands });
  menu.title.label = label;
  items.forEach(([command, args]) => menu.addItem({ command, args }));
  return menu;
}

function open(commands: CommandRegistry, at: IPoint, items: Item[], insert?: Menu): void {
  const menu = new Menu({ commands });
  for (const item of items) {
    if (item) {
      menu.addItem({ command: item[0], args: item[1] });
    } else {
      menu.addItem({ type: 'separator' });
    }
  }
  if (insert) {
    menu.insertItem(10, { type: 'submenu', submenu: insert });
  }
  // The menu is done with when it closes, but its command runs a little later.
  menu.aboutToClose.connect(() => window.setTimeout(() => menu.dispose(), 0));
  menu.open(at.clientX, at.clientY);
}
