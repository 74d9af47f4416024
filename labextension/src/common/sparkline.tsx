import * as React from 'react';

const WIDTH = 72;
const HEIGHT = 24;
const PAD = 2;

/** The points of a polyline through the known values, in a box of 72 × 24. */
export function points(values: readonly (number | null)[]): string {
  const known = values.flatMap((value, index) => (value === null ? [] : [[index, value] as const]));
  if (known.length < 2) {
    return '';
  }
  const ys = known.map(([, value]) => value);
  const low = Math.min(...ys);
  const span = Math.max(...ys) - low;
  const x = (index: number) => PAD + (index / (values.length - 1)) * (WIDTH - 2 * PAD);
  const y = (value: number) =>
    span === 0 ? HEIGHT / 2 : HEIGHT - PAD - ((value - low) / span) * (HEIGHT - 2 * PAD);
  return known.map(([index, value]) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
}

/** A metric's course in the size of a word. */
export const Sparkline = React.memo(function Sparkline(props: {
  values: readonly (number | null)[];
  label: string;
}): React.ReactElement {
  const line = points(props.values);
  const last = line.split(' ').pop()?.split(',');
  return (
    <svg
      className="lp-Sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={props.label}
    >
      {line && <polyline points={line} />}
      {line && last && <circle cx={last[0]} cy={last[1]} r="2" />}
    </svg>
  );
});
