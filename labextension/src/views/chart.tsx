import type { Data } from 'plotly.js';
import * as React from 'react';
import { frame, Plot } from '../charts/plot';
import { colour } from './theme';

export interface ILine {
  name: string;
  x: (number | null)[];
  y: (number | null)[];
  /** Which of the palette's colours; the theme says how it looks. */
  shade: number;
  dash?: boolean;
  faint?: boolean;
  /** Named by another line of its colour. */
  unlisted?: boolean;
}

export interface IChartProps {
  title: string;
  lines: ILine[];
  xTitle?: string;
  yTitle?: string;
  /** Of the x values: numbers, or unix seconds shown as a time of day. */
  xKind?: 'number' | 'time';
  log?: boolean;
  from0?: boolean;
  height?: number;
}

/** Lines over steps or time, which grow as they are watched. */
export function Chart(props: IChartProps): React.ReactElement {
  const { lines, xTitle, yTitle, xKind, log, from0 } = props;
  const draw = React.useCallback(() => {
    const base = frame(xTitle, yTitle, lines.filter(line => !line.faint && !line.unlisted).length);
    return {
      data: lines.map(trace(xKind)),
      layout: {
        ...base,
        xaxis: { ...base.xaxis, type: xKind === 'time' ? ('date' as const) : ('linear' as const) },
        yaxis: {
          ...base.yaxis,
          type: log ? ('log' as const) : ('linear' as const),
          rangemode: from0 ? ('tozero' as const) : ('normal' as const)
        }
      }
    };
  }, [lines, xTitle, yTitle, xKind, log, from0]);
  return <Plot title={props.title} summary={summary(props)} height={props.height} draw={draw} />;
}

/** The last value of each line. */
function summary(props: IChartProps): string {
  const ends = props.lines
    .filter(line => !line.faint)
    .map(line => `${line.name}: ${[...line.y].reverse().find(value => value !== null) ?? '–'}`);
  return [props.title, ...ends].join('. ');
}

function trace(xKind: IChartProps['xKind']): (line: ILine) => Data {
  return line => ({
    type: 'scatter',
    mode: line.y.length < 2 ? 'markers' : 'lines',
    name: line.name,
    x:
      xKind === 'time'
        ? line.x.map(value => (value === null ? null : new Date(value * 1000)))
        : line.x,
    y: line.y,
    line: {
      color: colour(line.shade),
      width: line.faint ? 1 : 2,
      dash: line.dash ? 'dash' : 'solid'
    },
    marker: { color: colour(line.shade), size: 6 },
    opacity: line.faint ? 0.3 : 1,
    hoverinfo: line.faint ? 'skip' : undefined,
    showlegend: !line.faint && !line.unlisted
  });
}
