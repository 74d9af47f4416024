import * as React from 'react';
import type { IHistory, IRun } from '../api/types';
import { Failure, Loading } from '../common/notice';
import { useTrans } from '../common/translation';
import type { Loaded } from '../common/hooks';
import {
  along,
  axesOf,
  baseOf,
  chartsOf,
  isHeldOut,
  roleOf,
  smooth,
  titleOf,
  type Axis
} from '../model/curves';
import type { LeptonModel } from '../model/lepton';
import { Chart, type ILine } from './chart';
import { useHistories } from './useRuns';

const SHADES = ['validation', 'training', 'test']; // in the order of the palette
const FIRST = 2; // the loss, and what picks the best checkpoint

interface IControls {
  axis: Axis;
  smoothing: number;
  log: boolean;
}

/** The curves of runs as the store has them, growing while they train. */
export function StoredCurves(props: {
  model: LeptonModel;
  runs: IRun[];
  isShown: boolean;
}): React.ReactElement {
  return (
    <Curves runs={props.runs} histories={useHistories(props.model, props.runs, props.isShown)} />
  );
}

/**
 * What was measured, one chart for each metric and its held-out twin, with all runs laid over each other: the
 * loss and what was monitored first, the rest when asked for.
 */
export function Curves(props: { runs: IRun[]; histories: Loaded<IHistory[]> }): React.ReactElement {
  const { runs, histories } = props;
  const trans = useTrans();
  const [all, setAll] = React.useState(false);
  const [controls, setControls] = React.useState<IControls>({
    axis: 'epoch',
    smoothing: 0,
    log: false
  });
  const monitor = runs[0]?.monitor;
  const charts = React.useMemo(
    () =>
      chartsOf(histories.value ?? [], monitor).map(names => ({
        names,
        lines: linesOf(runs, histories.value ?? [], names, controls, {
          training: trans.__('training'),
          validation: trans.__('validation'),
          test: trans.__('test')
        })
      })),
    // The rows change every second, the lines only with their points.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [histories.value, controls, monitor]
  );
  const axes: Record<Axis, string> = {
    epoch: trans.__('Epochs'),
    step: trans.__('Steps'),
    time: trans.__('Seconds since the start'),
    clock: trans.__('Time of day')
  };

  if (histories.state === 'failed' && !histories.value) {
    return <Failure error={histories.error} />;
  }
  if (!histories.value) {
    return <Loading rows={4} />;
  }
  if (charts.length === 0) {
    return (
      <p className="lp-Hint">
        {trans.__('Nothing is measured yet: the first values come with the first steps.')}
      </p>
    );
  }
  return (
    <>
      <div className="lp-Controls" role="group" aria-label={trans.__('Charts')}>
        <label>
          {trans.__('Along')}
          <select
            value={controls.axis}
            onChange={event => setControls({ ...controls, axis: event.target.value as Axis })}
          >
            {axesOf(histories.value).map(value => (
              <option key={value} value={value}>
                {axes[value]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {trans.__('Smoothing')}
          <input
            type="range"
            min="0"
            max="0.98"
            step="0.02"
            value={controls.smoothing}
            onChange={event => setControls({ ...controls, smoothing: Number(event.target.value) })}
          />
          <output>{controls.smoothing.toFixed(2)}</output>
        </label>
        <label>
          <input
            type="checkbox"
            checked={controls.log}
            onChange={event => setControls({ ...controls, log: event.target.checked })}
          />
          {trans.__('Logarithmic')}
        </label>
        {charts.length > FIRST && (
          <label>
            <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
            {trans.__('All %1 charts', charts.length)}
          </label>
        )}
        <span className="lp-Hint">{trans.__('Drag to zoom, double-click for everything')}</span>
      </div>
      {runs.length === 1 && <Samples lines={runs[0].samples ?? []} />}
      <div className="lp-Charts">
        {charts.slice(0, all ? undefined : FIRST).map(({ names, lines }) => (
          <Chart
            key={names[0]}
            title={titleOf(baseOf(names[0]))}
            lines={lines}
            xTitle={axes[controls.axis]}
            xKind={controls.axis === 'clock' ? 'time' : 'number'}
            log={controls.log}
          />
        ))}
      </div>
    </>
  );
}

/** What the model answered at the last validation: more than a number tells. */
function Samples(props: { lines: string[] }): React.ReactElement | null {
  const trans = useTrans();
  return props.lines.length ? (
    <div className="lp-Samples">
      <h3>{trans.__('Answers at the last validation')}</h3>
      <ul>
        {props.lines.map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </div>
  ) : null;
}

/** One run: a colour for each metric. Several: a colour for each run, training dashed. */
function linesOf(
  runs: IRun[],
  histories: IHistory[],
  names: string[],
  controls: IControls,
  roles: Record<ReturnType<typeof roleOf>, string>
): ILine[] {
  const lines: ILine[] = [];
  histories.forEach((history, index) => {
    names.forEach(name => {
      const series = history.series[name];
      const single = histories.length === 1;
      const isMean = name.startsWith('train_') && names.includes(baseOf(name));
      if (!series || series.step.length === 0 || !runs[index]) {
        return;
      }
      if (isMean && (!single || series.step.length < 2)) {
        return; // of several runs, and while no two epochs are done, the steps are enough
      }
      const isTwin = !single && !isHeldOut(name) && names.some(isHeldOut);
      const line = {
        name: single
          ? roles[roleOf(name)]
          : `${runs[index].ref} ${isHeldOut(name) ? 'val' : ''}`.trim(),
        x: along(history, name, controls.axis),
        shade: single ? SHADES.indexOf(roleOf(name)) : index,
        dash: isTwin,
        unlisted: isTwin
      };
      // Of one run the steps lie behind their mean over an epoch, once there are two of these to be a line.
      const isNoise = single && (history.series[`train_${name}`]?.step.length ?? 0) > 1;
      if (controls.smoothing > 0 || isNoise) {
        lines.push({ ...line, y: series.value, faint: true });
      }
      if (!isNoise) {
        lines.push({ ...line, y: smooth(series.value, controls.smoothing) });
      }
    });
  });
  return lines;
}
