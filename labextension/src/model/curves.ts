import type { IHistory } from '../api/types';

export type Axis = 'epoch' | 'step' | 'time' | 'clock';

/** Metrics that belong into one chart: `loss` with `val_loss`, `accuracy` with `val_accuracy`. */
export function chartsOf(histories: readonly IHistory[], monitor?: string): string[][] {
  const names = new Set(histories.flatMap(history => Object.keys(history.series)));
  const groups = new Map<string, string[]>();
  for (const name of [...names].sort()) {
    const base = baseOf(name);
    groups.set(base, [...(groups.get(base) ?? []), name]);
  }
  const first = ['loss', baseOf(monitor ?? 'loss')];
  const rank = (base: string) => (first.includes(base) ? first.indexOf(base) : first.length);
  return [...groups.entries()]
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b))
    .map(([, members]) => members);
}

export function baseOf(name: string): string {
  return name.replace(/^(train|val|test)_/, '');
}

/** `val_loss` in the words of a heading. */
export function titleOf(metric: string): string {
  const words = metric === 'lr' ? 'learning rate' : metric.replace(/_/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function isHeldOut(name: string): boolean {
  return /^(val|test)_/.test(name);
}

/**
 * An exponential moving average, as TensorBoard smooths: corrected for its start, so that the first points
 * are not drawn towards zero. `weight` is 0 (as measured) to below 1. Unknown values stay unknown.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) {
    return [...values];
  }
  let last = 0;
  let seen = 0;
  return values.map(value => {
    if (value === null) {
      return null;
    }
    last = last * weight + (1 - weight) * value;
    seen++;
    return last / (1 - weight ** seen);
  });
}

/** The axes along which all of these can be drawn: what a notebook keeps knows no times. */
export function axesOf(histories: readonly IHistory[]): Axis[] {
  const all = histories.flatMap(history => Object.values(history.series));
  const isTimed = all.every(series => series.time.length === series.step.length);
  return isTimed ? ['epoch', 'step', 'time', 'clock'] : ['epoch', 'step'];
}

/** The x values: epochs done, steps, seconds since the run's first point, or unix seconds. */
export function along(history: IHistory, name: string, axis: Axis): number[] {
  const { step, epoch, time } = history.series[name];
  const { steps_per_epoch: each } = history;
  if (axis === 'epoch') {
    const done = epoch.map(index => index + 1);
    return each ? step.map(value => value / each) : done.length ? done : step;
  }
  if (axis === 'time') {
    const start = Math.min(...Object.values(history.series).map(series => series.time[0]));
    return time.map(value => value - start);
  }
  return axis === 'clock' ? time : step;
}

/** What a line shows, as its legend says it: the metric itself stands above the chart. */
export function roleOf(name: string): 'training' | 'validation' | 'test' {
  const role = /^(val|test)_/.exec(name)?.[1];
  return role === 'val' ? 'validation' : role === 'test' ? 'test' : 'training';
}

/** A history with the points that came since. */
export function extend(history: IHistory, news: IHistory): IHistory {
  const series = { ...history.series };
  for (const [name, more] of Object.entries(news.series)) {
    const before = series[name];
    series[name] = before
      ? {
          step: before.step.concat(more.step),
          epoch: before.epoch.concat(more.epoch),
          value: before.value.concat(more.value),
          time: before.time.concat(more.time)
        }
      : more;
  }
  return { ...news, series, step: Math.max(history.step, news.step) };
}

/** The settings of several runs, flat, with whether they differ. */
export function diffOf(
  configs: readonly Record<string, unknown>[]
): { name: string; values: unknown[]; differs: boolean }[] {
  const names = new Set(configs.flatMap(config => Object.keys(config)));
  return [...names].sort().map(name => {
    const values = configs.map(config => config[name]);
    const first = JSON.stringify(values[0]);
    return { name, values, differs: values.some(value => JSON.stringify(value) !== first) };
  });
}
