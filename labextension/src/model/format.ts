/** Numbers as people read them. Unknown is a dash. */

const UNKNOWN = '–';

type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: Maybe): string {
  if (!isKnown(seconds)) {
    return UNKNOWN;
  }
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) {
    return `${whole} s`;
  }
  const units: [number, string, number, string][] = [
    [3600, 'min', 60, 's'],
    [86400, 'h', 3600, 'min'],
    [Infinity, 'd', 86400, 'h']
  ];
  const [, big, size, small] = units.find(([limit]) => whole < limit)!;
  const smallSize = small === 's' ? 1 : small === 'min' ? 60 : 3600;
  const rest = Math.floor((whole % size) / smallSize);
  return `${Math.floor(whole / size)} ${big}${rest ? ` ${rest} ${small}` : ''}`;
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

export function milliseconds(value: Maybe): string {
  if (!isKnown(value)) {
    return UNKNOWN;
  }
  return value >= 1000 ? `${+(value / 1000).toFixed(1)} s` : `${+value.toPrecision(2)} ms`;
}

export function bytes(value: Maybe): string {
  if (!isKnown(value)) {
    return UNKNOWN;
  }
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${+size.toPrecision(3)} ${units[unit]}`;
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
