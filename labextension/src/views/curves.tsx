import * as React from 'react';
import type { IHistory, IRun } from '../api/types';
import { Failure, Loading } from '../common/notice';
import { useTrans } from '../common/translation';
import { along, baseOf, chartsOf, isHeldOut, smooth, titleOf, type Axis } from '../model/curves';
import type { LeptonModel } from '../model/lepton';
import { Chart, type ILine } from './chart';
import { useHistories } from './useRuns';

interface IControls {
  axis: Axis;
  smoothing: number;
  log: boolean;
}

/** What was measured, one chart for each metric and its held-out twin, with all runs laid over each other. */
export function Curves(props: {
  model: LeptonModel;
  runs: IRun[];
  isShown: boolean;
  /** How many charts, the main ones first; all where left out. */
  most?: number;
}): React.ReactElement {
  const { model, runs } = props;
  const trans = useTrans();
  const histories = useHistories(model, runs, props.isShown);
  const [controls, setControls] = React.useState<IControls>({
    axis: 'step',
    smoothing: 0,
    log: false
  });
  const monitor = runs[0]?.monitor;
  const charts = React.useMemo(
    () =>
      chartsOf(histories.value ?? [], monitor).map(names => ({
        names,
        lines: linesOf(runs, histories.value ?? [], names, controls)
      })),
    // The rows change every second, the lines only with their points.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [histories.value, controls, monitor]
  );
  const axes: Record<Axis, string> = {
    step: trans.__('Steps'),
    epoch: trans.__('Epochs'),
    time: trans.__('Seconds')
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
            {Object.entries(axes).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
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
        <span className="lp-Hint">{trans.__('Drag to zoom, double-click for everything')}</span>
      </div>
      <div className="lp-Charts">
        {charts.slice(0, props.most).map(({ names, lines }) => (
          <Chart
            key={names[0]}
            title={titleOf(baseOf(names[0]))}
            lines={lines}
            xTitle={axes[controls.axis]}
            log={controls.log}
          />
        ))}
      </div>
    </>
  );
}

/** One run: a colour for each metric. Several: a colour for each run, training dashed. */
function linesOf(
  runs: IRun[],
  histories: IHistory[],
  names: string[],
  controls: IControls
): ILine[] {
  const lines: ILine[] = [];
  histories.forEach((history, index) => {
    names.forEach((name, place) => {
      const series = history.series[name];
      const single = histories.length === 1;
      const isMean = name.startsWith('train_') && names.includes(baseOf(name));
      if (!series || series.step.length === 0 || !runs[index] || (!single && isMean)) {
        return; // of several runs the steps are enough, without their mean over an epoch
      }
      const isTwin = !single && !isHeldOut(name) && names.some(isHeldOut);
      const line = {
        name: single
          ? name.replace(/_/g, ' ')
          : `${runs[index].ref} ${isHeldOut(name) ? 'val' : ''}`.trim(),
        x: along(series, controls.axis),
        shade: single ? (isHeldOut(name) ? 0 : place + 1) : index,
        dash: isTwin,
        unlisted: isTwin
      };
      if (controls.smoothing > 0) {
        lines.push({ ...line, y: series.value, faint: true });
      }
      lines.push({ ...line, y: smooth(series.value, controls.smoothing) });
    });
  });
  return lines;
}
