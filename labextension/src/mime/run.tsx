import * as React from 'react';
import type { IHistory } from '../api/types';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import { baseOf, chartsOf, isHeldOut, smooth, titleOf } from '../model/curves';
import * as format from '../model/format';
import { Chart, type ILine } from '../views/chart';
import type { IRunBundle } from './types';

export const FIRST = 2; // the loss, and what picked the best checkpoint

/** A run as its cell left it: what came out, the curves, the settings. */
export function RunOutput(props: { bundle: IRunBundle }): React.ReactElement {
  const { run, series, summary, next, config } = props.bundle;
  const trans = useTrans();
  const [smoothing, setSmoothing] = React.useState(0);
  const [all, setAll] = React.useState(false);
  const charts = React.useMemo(() => {
    const history: IHistory = {
      step: run.step,
      cursor: '',
      series: Object.fromEntries(
        Object.entries(series).map(([name, { step, value }]) => [
          name,
          { step, value, epoch: [], time: [] }
        ])
      )
    };
    return chartsOf([history], run.monitor).map(names => ({
      names,
      lines: names.flatMap((name, place): ILine[] => {
        const line = {
          name: name.replace(/_/g, ' '),
          x: series[name].step,
          shade: isHeldOut(name) ? 0 : place + 1
        };
        const raw = smoothing > 0 ? [{ ...line, y: series[name].value, faint: true }] : [];
        return [...raw, { ...line, y: smooth(series[name].value, smoothing) }];
      })
    }));
  }, [run, series, smoothing]);
  return (
    <section aria-label={trans.__('Run %1', run.ref)}>
      <div className="lp-View-title">
        <h4>{run.ref}</h4>
        <StateMark state={run.status} />
        <span className="lp-Hint">
          {[run.model, run.data, format.duration(run.seconds)].join(' · ')}
        </span>
      </div>
      {run.error && <p className="lp-View-error">{run.error}</p>}
      <dl className="lp-Facts">
        {summary.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className="lp-Charts">
        {charts.slice(0, all ? undefined : FIRST).map(({ names, lines }) => (
          <Chart
            key={names[0]}
            title={titleOf(baseOf(names[0]))}
            lines={lines}
            xTitle={trans.__('Steps')}
          />
        ))}
      </div>
      <div className="lp-Controls">
        <label>
          {trans.__('Smoothing')}
          <input
            type="range"
            min="0"
            max="0.98"
            step="0.02"
            value={smoothing}
            onChange={event => setSmoothing(Number(event.target.value))}
          />
          <output>{smoothing.toFixed(2)}</output>
        </label>
        {charts.length > FIRST && (
          <label>
            <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
            {trans.__('All %1 charts', charts.length)}
          </label>
        )}
      </div>
      <details className="lp-Details">
        <summary>{trans.__('Settings')}</summary>
        <table className="lp-Table">
          <tbody>
            {Object.entries(config).map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{format.setting(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
      {next.length > 0 && <pre className="lp-Next">{next.join('\n')}</pre>}
    </section>
  );
}
