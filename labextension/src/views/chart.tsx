import type * as Plotly from 'plotly.js';
import type { Data, Layout, PlotlyHTMLElement } from 'plotly.js';
import * as React from 'react';
import { Failure } from '../common/notice';
import { colour, layout } from './theme';

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
  /** Points that no line joins. */
  points?: boolean;
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

const MOST_ABOVE = 4;

let loading: Promise<typeof Plotly> | null = null;

/** Plotly comes when the first chart is drawn: it weighs more than all the rest. */
function loadPlotly(): Promise<typeof Plotly> {
  loading ??= import('plotly.js-basic-dist-min').then(
    module => ((module as { default?: unknown }).default ?? module) as typeof Plotly
  );
  return loading;
}

/** Lines over steps or time: drag to zoom, double-click to see everything again. */
export function Chart(props: IChartProps): React.ReactElement {
  const node = React.useRef<HTMLDivElement>(null);
  const [failure, setFailure] = React.useState<unknown>(null);
  const theme = useTheme();
  const { lines, xTitle, yTitle, xKind, log, from0, height = 230 } = props;

  React.useEffect(() => {
    let current = true;
    loadPlotly()
      .then(plotly => {
        if (current && node.current) {
          const shape = options({ xTitle, yTitle, xKind, log, from0, height }, legendOf(lines));
          return plotly.react(node.current, lines.map(trace(xKind)), shape, {
            displaylogo: false,
            modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']
          });
        }
        return undefined;
      })
      .catch(setFailure);
    return () => {
      current = false;
    };
  }, [lines, xTitle, yTitle, xKind, log, from0, height, theme]);

  React.useEffect(() => {
    const element = node.current;
    // Plotly itself hears of windows that are resized, and not of side bars.
    const resized = new ResizeObserver(() => {
      if (element?.clientWidth && element.querySelector('.main-svg')) {
        void loadPlotly().then(plotly => plotly.Plots.resize(element));
      }
    });
    if (element) {
      resized.observe(element);
    }
    return () => {
      resized.disconnect();
      if (element) {
        void loadPlotly().then(plotly => plotly.purge(element as unknown as PlotlyHTMLElement));
      }
    };
  }, []);

  return (
    <figure className="lp-Chart" aria-label={summary(props)}>
      <figcaption>{props.title}</figcaption>
      {failure !== null && <Failure error={failure} />}
      <div ref={node} style={{ height }} />
    </figure>
  );
}

/** What a chart says, for who cannot see it: the last value of each line. */
function summary(props: IChartProps): string {
  const ends = props.lines
    .filter(line => !line.faint)
    .map(line => `${line.name}: ${[...line.y].reverse().find(value => value !== null) ?? '–'}`);
  return [props.title, ...ends].join('. ');
}

function trace(xKind: IChartProps['xKind']): (line: ILine) => Data {
  return line => ({
    type: 'scatter',
    mode: line.points || line.y.length < 2 ? 'markers' : 'lines',
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

/** Many names would take the plot's own place above it. */
function legendOf(lines: ILine[]): 'none' | 'above' | 'beside' {
  const named = lines.filter(line => !line.faint && !line.unlisted).length;
  return named < 2 ? 'none' : named > MOST_ABOVE ? 'beside' : 'above';
}

function options(
  props: Pick<IChartProps, 'xTitle' | 'yTitle' | 'xKind' | 'log' | 'from0' | 'height'>,
  legend: 'none' | 'above' | 'beside'
): Partial<Layout> {
  const base = layout();
  return {
    ...base,
    height: props.height,
    showlegend: legend !== 'none',
    legend:
      legend === 'beside'
        ? { ...base.legend, orientation: 'v', x: 1.02, y: 1, yanchor: 'top' }
        : base.legend,
    uirevision: 'kept', // a zoom stays while points are added
    margin: { ...base.margin, t: legend === 'above' ? 22 : 8 },
    xaxis: {
      ...base.xaxis,
      title: { ...(base.xaxis!.title as object), text: props.xTitle ?? '' },
      type: props.xKind === 'time' ? 'date' : 'linear'
    },
    yaxis: {
      ...base.yaxis,
      title: { ...(base.yaxis!.title as object), text: props.yTitle ?? '' },
      type: props.log ? 'log' : 'linear',
      rangemode: props.from0 ? 'tozero' : 'normal'
    }
  };
}

/** Changes with the lab's theme. */
function useTheme(): string {
  const read = () => document.body.dataset.jpThemeName ?? '';
  const [name, setName] = React.useState(read);
  React.useEffect(() => {
    const observer = new MutationObserver(() => setName(read()));
    observer.observe(document.body, {
      attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light']
    });
    return () => observer.disconnect();
  }, []);
  return name;
}
