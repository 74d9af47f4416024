import * as React from 'react';
import type { IRun, TimeSeries } from '../api/types';
import { path } from '../commands/context';
import { useLoaded, useThrottled } from '../common/hooks';
import { Failure, Loading } from '../common/notice';
import { useTrans } from '../common/translation';
import type { LeptonModel } from '../model/lepton';
import { Chart, type ILine } from './chart';

const REFRESH = 5000;

/** What the machine did while it trained. */
export function Hardware(props: { model: LeptonModel; runs: IRun[] }): React.ReactElement {
  const { model, runs } = props;
  const trans = useTrans();
  const beats = runs.map(run => `${run.ref} ${run.heartbeat_at} ${run.status}`).join();
  const load = () =>
    Promise.all(
      runs.map(run =>
        model.client.get<{ series: TimeSeries }>(path`runs/${run.ref}/hardware`, { points: 800 })
      )
    );
  const loaded = useLoaded(load, useThrottled(beats, REFRESH));
  const titles: Record<string, string> = {
    cpu_percent: trans.__('CPU, %'),
    memory: trans.__('Memory, GB'),
    device_memory: trans.__('Device memory, GB'),
    device_percent: trans.__('Device, %')
  };
  const charts = React.useMemo(
    () =>
      Object.keys(titles).flatMap(name => {
        const lines = linesOf(runs, loaded.value ?? [], name);
        return lines.length ? [{ name, lines }] : [];
      }),
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [loaded.value]
  );
  if (loaded.state === 'failed' && !loaded.value) {
    return <Failure error={loaded.error} retry={loaded.reload} />;
  }
  if (!loaded.value) {
    return <Loading rows={4} />;
  }
  if (charts.length === 0) {
    return (
      <p className="lp-Hint">
        {trans.__('Nothing was recorded: the run was shorter than the first look at the machine.')}
      </p>
    );
  }
  return (
    <div className="lp-Charts">
      {charts.map(({ name, lines }) => (
        <Chart key={name} title={titles[name]} lines={lines} xTitle={trans.__('Seconds')} from0 />
      ))}
    </div>
  );
}

/** Seconds since the run's first look at the machine, so that runs of different days lie over each other. */
function linesOf(runs: IRun[], answers: { series: TimeSeries }[], name: string): ILine[] {
  const scale = name.endsWith('memory') ? 1e9 : 1;
  return answers.flatMap(({ series }, index) => {
    const found = series[name];
    if (!found?.time.length || !runs[index]) {
      return [];
    }
    const start = found.time[0];
    return [
      {
        name: runs[index].ref,
        x: found.time.map(time => time - start),
        y: found.value.map(value => (value === null ? null : value / scale)),
        shade: index
      }
    ];
  });
}
