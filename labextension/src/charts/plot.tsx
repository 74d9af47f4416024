import type * as Plotly from 'plotly.js';
import type { Data, Layout, PlotlyHTMLElement } from 'plotly.js';
import * as React from 'react';
import { Failure } from '../common/notice';
import { layout } from '../views/theme';

export interface IPlot {
  data: Data[];
  layout: Partial<Layout>;
}

interface IPlotProps {
  title: string;
  note?: string;
  /** What it says, for who cannot see it. */
  summary: string;
  height?: number;
  /** Called again when the lab's theme changes. */
  draw: () => IPlot;
}

const HEIGHT = 230;
const MOST_ABOVE = 4;

let loading: Promise<typeof Plotly> | null = null;

/** Plotly comes when the first chart is drawn: it weighs more than all the rest. */
function loadPlotly(): Promise<typeof Plotly> {
  loading ??= import('plotly.js-basic-dist-min').then(
    module => ((module as { default?: unknown }).default ?? module) as typeof Plotly
  );
  return loading;
}

/** What plotly draws, in a card: drag to zoom, double-click to see everything again. */
export function Plot(props: IPlotProps): React.ReactElement {
  const node = React.useRef<HTMLDivElement>(null);
  const [failure, setFailure] = React.useState<unknown>(null);
  const theme = useTheme();
  const { draw, height = HEIGHT } = props;

  React.useEffect(() => {
    let current = true;
    loadPlotly()
      .then(plotly => {
        if (current && node.current) {
          const plot = draw();
          return plotly.react(
            node.current,
            plot.data,
            { ...plot.layout, height },
            {
              displaylogo: false,
              modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']
            }
          );
        }
        return undefined;
      })
      .catch(setFailure);
    return () => {
      current = false;
    };
  }, [draw, height, theme]);

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
    <figure className="lp-Chart" aria-label={props.summary}>
      <figcaption>{props.title}</figcaption>
      {failure !== null && <Failure error={failure} />}
      <div ref={node} style={{ height }} />
      <Note text={props.note} />
    </figure>
  );
}

export function Note(props: { text?: string }): React.ReactElement | null {
  return props.text ? <p className="lp-Chart-note">{props.text}</p> : null;
}

/** The axes, with room for the legend of so many names: beside the plot where it would take the place above. */
export function frame(xTitle = '', yTitle = '', names = 0): Partial<Layout> {
  const base = layout();
  const beside = names > MOST_ABOVE;
  return {
    ...base,
    showlegend: names > 1,
    legend: beside
      ? { ...base.legend, orientation: 'v', x: 1.02, y: 1, yanchor: 'top' }
      : base.legend,
    uirevision: 'kept', // a zoom stays while points are added
    margin: { ...base.margin, t: names > 1 && !beside ? 22 : 8 },
    xaxis: { ...base.xaxis, title: { ...(base.xaxis!.title as object), text: xTitle } },
    yaxis: { ...base.yaxis, title: { ...(base.yaxis!.title as object), text: yTitle } }
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
