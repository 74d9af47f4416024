import * as React from 'react';
import type { IRun } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { useModel } from '../common/hooks';
import { Sparkline } from '../common/sparkline';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { isActive } from '../model/lepton';
import { headline, progressText } from '../panel/runRow';
import type { ILive } from './live';
import { PanelPlace } from './place';
import type { IRunsBundle } from './types';

const MOST = 10; // trials of a search, the best in front

/** Runs, or the trials of a search, as the run store knows them now; the kernel's own table while there is one. */
export function RunsOutput(props: ILive<IRunsBundle>): React.ReactElement {
  const { bundle, model } = props;
  const trans = useTrans();
  useModel(model, 'runs', 'status');
  const known = new Map(model.runs.map(run => [run.id, run]));
  const trials = model.runs.filter(run => bundle.study && run.tags.study === bundle.study);
  const training = trials.filter(isActive).length;
  const runs = trials.length
    ? best(trials).slice(0, MOST)
    : bundle.runs.map(run => known.get(run.id) ?? run);
  const drawn = (
    <section aria-label={bundle.study ?? trans.__('Runs')}>
      {bundle.study && (
        <div className="lp-View-title">
          <h2>{bundle.study}</h2>
          <span className="lp-Hint">
            {trials.length
              ? trans.__('%1 of %2 trials', trials.length - training, bundle.wanted)
              : bundle.title}
          </span>
        </div>
      )}
      <table className="lp-Table">
        <thead>
          <tr>
            {[trans.__('Run'), trans.__('State'), trans.__('Best'), trans.__('Course')].map(
              name => (
                <th key={name} scope="col">
                  {name}
                </th>
              )
            )}
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <Row key={run.id} {...props} run={run} isStored={known.has(run.id)} />
          ))}
        </tbody>
      </table>
    </section>
  );
  return bundle.panel ? (
    <PanelPlace id={bundle.panel} session={props.session}>
      {drawn}
    </PanelPlace>
  ) : (
    drawn
  );
}

function Row(props: ILive<IRunsBundle> & { run: IRun; isStored: boolean }): React.ReactElement {
  const { run, commands } = props;
  const trans = useTrans();
  const { name, value } = headline(run);
  return (
    <tr data-ref={run.ref}>
      <th scope="row">
        {props.isStored ? (
          <button
            type="button"
            className="lp-Link"
            onClick={() => void commands.execute(CommandIDs.openRun, { ref: run.ref })}
          >
            {run.ref}
          </button>
        ) : (
          run.ref
        )}
      </th>
      <td>
        <StateMark state={run.status} /> <span className="lp-Hint">{progressText(run, trans)}</span>
      </td>
      <td>
        <b>{format.metric(value)}</b> <span className="lp-Hint">{name.replace(/_/g, ' ')}</span>
      </td>
      <td>
        {run.sparkline && (
          <Sparkline
            values={run.sparkline.values}
            label={trans.__('Course of %1', run.sparkline.metric)}
          />
        )}
      </td>
    </tr>
  );
}

function best(runs: readonly IRun[]): IRun[] {
  const rank = (run: IRun) =>
    run.best_value === null ? Infinity : run.best_value * (run.mode === 'min' ? 1 : -1);
  return [...runs].sort((a, b) => rank(a) - rank(b));
}
