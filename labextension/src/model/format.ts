/** Numbers as people read them. Unknown is a dash. */

const UNKNOWN = '–';

type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** Up to three significant digits. */
function digits(value: number): string {
  return String(+value.toPrecision(3));
}

/** `35 µs`, `3.4 ms`, `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`, as Python spells it. */
export function duration(seconds: Maybe): string {
  if (!isKnown(seconds)) {
    return UNKNOWN;
  }
  if (seconds <= 0) {
    return '0 s';
  }
  if (seconds < 0.0995) {
    return seconds < 0.0009995 ? `${digits(seconds * 1e6)} µs` : `${digits(seconds * 1e3)} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  const units: [number, string, number, string][] = [
    [86400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's']
  ];
  const found = units.find(([size]) => whole >= size);
  if (!found) {
    return `${whole} s`;
  }
  const [size, unit, small, smallUnit] = found;
  const rest = Math.floor((whole % size) / small);
  return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${smallUnit}` : ''}`;
}

/** A metric's value: four significant digits, without trailing noise. */
export function metric(value: Maybe): string {
  if (!isKnown(value)) {
    return UNKNOWN;
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(2);
  }
  return size >= 1000 ? Math.round(value).toLocaleString('en-US') : String(+value.toPrecision(4));
}

export function count(value: Maybe): string {
  return isKnown(value) ? Math.round(value).toLocaleString('en-US') : UNKNOWN;
}

/** A rate such as `0.4/s` or `1,240/s`. */
export function rate(value: Maybe): string {
  return isKnown(value) ? `${value < 10 ? +value.toFixed(1) : count(value)}/s` : UNKNOWN;
}

/** A latency, spelled as a duration. */
export function milliseconds(value: Maybe): string {
  return duration(isKnown(value) ? value / 1000 : null);
}

/** `512 B`, `1.4 MB`, as Python spells it. */
export function bytes(value: Maybe): string {
  if (!isKnown(value)) {
    return UNKNOWN;
  }
  if (value < 999.5) {
    return `${Math.round(value)} B`;
  }
  const power = ['kB', 'MB', 'GB'].findIndex((_, index) => value < 999.5 * 1000 ** (index + 1));
  const index = power < 0 ? 3 : power;
  return `${digits(value / 1000 ** (index + 1))} ${['kB', 'MB', 'GB', 'TB'][index]}`;
}

export function percent(fraction: Maybe): string {
  return isKnown(fraction) ? `${Math.round(fraction * 100)} %` : UNKNOWN;
}

/** `just now`, `5 min ago`, `yesterday`, in the language of the lab. */
export function ago(unixSeconds: Maybe, now = Date.now(), locale?: string): string {
  if (!isKnown(unixSeconds)) {
    return UNKNOWN;
  }
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const seconds = Math.max(0, now / 1000 - unixSeconds);
  const steps: [number, number, Intl.RelativeTimeFormatUnit][] = [
    [60, 1, 'second'],
    [3600, 60, 'minute'],
    [86400, 3600, 'hour'],
    [30 * 86400, 86400, 'day'],
    [365 * 86400, 30 * 86400, 'month'],
    [Infinity, 365 * 86400, 'year']
  ];
  const [, size, unit] = steps.find(([limit]) => seconds < limit)!;
  return unit === 'second' && seconds < 45
    ? format.format(0, 'second')
    : format.format(-Math.max(1, Math.floor(seconds / size)), unit);
}

/** A setting's value on one line. */
export function setting(value: unknown): string {
  if (value === null || value === undefined) {
    return UNKNOWN;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}
