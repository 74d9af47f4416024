import type { IHistory, ISeries } from '../api/types';

export type Axis = 'step' | 'epoch' | 'time';

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

/** The x values: steps, epochs done, or seconds since the first point. */
export function along(series: ISeries, axis: Axis): number[] {
  if (axis === 'time') {
    const start = series.time[0] ?? 0;
    return series.time.map(time => time - start);
  }
  return axis === 'epoch' ? series.epoch : series.step;
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
  return { series, step: Math.max(history.step, news.step), cursor: news.cursor };
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
