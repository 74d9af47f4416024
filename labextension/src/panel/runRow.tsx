import type { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IRun } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton, IconButton } from '../common/actionButton';
import { Sparkline } from '../common/sparkline';
import { StateMark, stateLabel } from '../common/state';
import { useTrans } from '../common/translation';
import { titleOf } from '../model/curves';
import * as format from '../model/format';
import { isActive } from '../model/lepton';
import type { IPoint } from './menus';

/** The one number that tells how good a run is: the best value, or the newest while there is none. */
export function headline(run: IRun): { name: string; value: number | null } {
  const value = run.best_value ?? run.latest?.[run.monitor] ?? null;
  if (value !== null) {
    return { name: run.monitor, value };
  }
  const [name, latest] = Object.entries(run.latest ?? {})[0] ?? [run.monitor, null];
  return { name, value: latest };
}

/**
 * `Waits for cpu, behind cnn@1` in the queue, `2 min left · Epoch 3 of 10` while it trains, `5 min ago · 2 min 3 s`
 * afterwards.
 */
export function progressText(run: IRun, trans: TranslationBundle): string {
  if (run.status === 'queued') {
    return titleOf(run.queue ?? trans.__('its turn is about to come'));
  }
  if (!isActive(run)) {
    const when = format.ago(
      run.ended_at ?? run.heartbeat_at ?? run.created_at,
      Date.now(),
      locale(trans)
    );
    const epochs = run.epoch < run.epochs ? trans.__('%1 of %2 epochs', run.epoch, run.epochs) : '';
    return [when, format.duration(run.seconds), epochs].filter(Boolean).join(' · ');
  }
  const epoch = trans.__('Epoch %1 of %2', Math.min(run.epoch + 1, run.epochs), run.epochs);
  const left =
    run.status === 'running' && typeof run.eta === 'number'
      ? trans.__('%1 left', format.duration(run.eta))
      : '';
  return [left, epoch].filter(Boolean).join(' · '); // of a line that is too long its end is cut off
}

function locale(trans: TranslationBundle): string | undefined {
  return (trans as { locale?: string }).locale?.replace('_', '-') || undefined;
}

export interface IRunRowProps {
  run: IRun;
  commands: CommandRegistry;
  selected: boolean;
  focused: boolean;
  index: number;
  /** 2 under a heading. */
  level: number;
  onPick: (event: React.MouseEvent) => void;
  onMenu: (at: IPoint) => void;
}

/** One run in the list: what it is, how far, how good, and the buttons for what it needs now. */
export function RunRow(props: IRunRowProps): React.ReactElement {
  const { run, commands } = props;
  const trans = useTrans();
  const best = headline(run);
  const progress = progressText(run, trans);
  const ref = run.ref;
  const facts = [run.model, run.data, run.device?.split(' ')[0]].filter(Boolean).join(' · ');
  const tab = props.focused ? 0 : -1;
  return (
    // The grid around it handles the keyboard for all rows.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      className="lp-Row lp-Run"
      role="row"
      aria-rowindex={props.index + 1}
      aria-level={props.level}
      aria-selected={props.selected}
      tabIndex={tab}
      data-ref={ref}
      data-status={run.status}
      onClick={props.onPick}
      onDoubleClick={() => void commands.execute(CommandIDs.openRun, { ref })}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        props.onMenu(event);
      }}
    >
      <div role="gridcell" className="lp-Row-main">
        <span className="lp-Row-title">
          <StateMark state={run.status} short />
          <span className="lp-Row-name" title={`${ref} · ${stateLabel(run.status, trans)}`}>
            {run.name}
            {run.number > 1 && <span className="lp-Row-number">@{run.number}</span>}
          </span>
        </span>
        <span className="lp-Row-facts" title={facts}>
          {facts}
        </span>
        <span className="lp-Row-facts" title={run.error ?? progress}>
          {run.status === 'failed' && run.error ? run.error.split('\n')[0] : progress}
        </span>
      </div>
      <div role="gridcell" className="lp-Row-figures">
        {best.value !== null && <span className="lp-Row-value">{format.metric(best.value)}</span>}
        {run.sparkline && (
          <Sparkline
            values={run.sparkline.values}
            label={trans.__('Course of %1', run.sparkline.metric)}
          />
        )}
        {best.value !== null && (
          <span className="lp-Row-metric" title={best.name}>
            {best.name.replace(/_/g, ' ')}
          </span>
        )}
      </div>
      <div role="gridcell" className="lp-Row-actions">
        {[CommandIDs.pauseRun, CommandIDs.resumeRun, CommandIDs.stopRun].map(id => (
          <CommandButton key={id} commands={commands} id={id} args={{ ref }} tabIndex={tab} />
        ))}
        <IconButton
          icon={ellipsesIcon}
          label={trans.__('More for %1', ref)}
          popup="menu"
          tabIndex={tab}
          onClick={event => {
            const box = event.currentTarget.getBoundingClientRect();
            props.onMenu({ clientX: box.left, clientY: box.bottom });
          }}
        />
      </div>
      {isActive(run) && run.status !== 'queued' && (
        <div role="gridcell" className="lp-Progress">
          <div
            role="progressbar"
            aria-label={trans.__('Progress of %1', ref)}
            aria-valuemin={0}
            aria-valuemax={100}
            aria-valuenow={Math.round((run.progress ?? 0) * 100)}
            style={{ transform: `scaleX(${run.progress ?? 0})` }}
          />
        </div>
      )}
    </div>
  );
}
