import type { Data, Layout, PlotData } from 'plotly.js';
import * as format from '../model/format';
import { colour } from '../views/theme';
import { frame, type IPlot } from './plot';
import type { IBars, ILineData, ILines, IPlotted, IScatter } from './types';

const BLUE = 0;
const ORANGE = 1;
const GREY = 6;
const FEW_POINTS = 12;

/** What plotly draws of a chart. */
export function plotOf(chart: IPlotted): IPlot {
  switch (chart.kind) {
    case 'lines':
      return linesOf(chart);
    case 'bars':
      return barsOf(chart);
    case 'scatter':
      return scatterOf(chart);
  }
}

function linesOf(chart: ILines): IPlot {
  const placed = chart.lines.map((line, index) => ({ line, shade: line.colour ?? index }));
  const behind = placed.filter(({ line }) => line.faint);
  const before = placed.filter(({ line }) => !line.faint);
  const data = [...behind, ...before].flatMap(({ line, shade }) => traces(line, shade));
  const named = chart.lines.filter(line => !line.faint && line.listed !== false).length;
  return framed(chart, data, named, {
    xaxis: {
      type: chart.x_log ? 'log' : 'linear',
      ...(chart.x_names?.length && {
        tickvals: chart.x_names.map((_, place) => place),
        ticktext: chart.x_names.map(name => name.replace('\n', '<br>'))
      })
    },
    yaxis: { type: chart.y_log ? 'log' : 'linear' }
  });
}

function traces(line: ILineData, shade: number): Data[] {
  const { x, y, low, high, value, faint } = line;
  const quiet: Partial<PlotData> = {
    type: 'scatter',
    mode: 'lines',
    x,
    line: { width: 0 },
    showlegend: false,
    hoverinfo: 'skip'
  };
  const band: Partial<PlotData>[] =
    low && high
      ? [
          { ...quiet, y: low },
          { ...quiet, y: high, fill: 'tonexty', fillcolor: `${colour(shade)}2e` }
        ]
      : [];
  return [
    ...band,
    {
      type: 'scatter',
      mode: y.length <= FEW_POINTS ? 'lines+markers' : 'lines',
      name: typeof value === 'number' ? `${line.name} (${format.metric(value)})` : line.name,
      x,
      y,
      line: {
        color: colour(faint ? GREY : shade),
        width: faint ? 1 : 2,
        dash: line.dashed ? 'dash' : 'solid'
      },
      marker: { size: 5 },
      opacity: faint ? 0.3 : 1,
      hoverinfo: faint ? 'skip' : undefined,
      showlegend: !faint && line.listed !== false
    }
  ];
}

function barsOf(chart: IBars): IPlot {
  const { at, heights, levels = [], behind = [], label = '' } = chart;
  const width = chart.width ?? undefined;
  const data: Data[] = [
    { type: 'bar', name: label, x: at, y: heights, width, marker: { color: colour(BLUE) } }
  ];
  if (levels.length > 0) {
    const line = { color: colour(ORANGE), width: 3 };
    data.push({
      type: 'scatter',
      mode: 'markers',
      name: chart.level_label,
      x: at,
      y: levels,
      marker: { symbol: 'line-ew', size: 12, line }
    });
  }
  if (behind.length === 0) {
    return framed(chart, data, data.length);
  }
  const marker = { color: colour(GREY), opacity: 0.6 };
  data.push({
    type: 'bar',
    name: chart.behind_label,
    x: at,
    y: behind,
    width,
    marker,
    yaxis: 'y2',
    showlegend: false
  });
  return framed(chart, data, data.length - 1, {
    xaxis: { anchor: 'y2' },
    yaxis: { domain: [0.32, 1] },
    yaxis2: { ...frame().yaxis, domain: [0, 0.2], tickformat: '.0%', nticks: 3 }
  });
}

function scatterOf(chart: IScatter): IPlot {
  const { across: x, up: y } = chart;
  const known = [...x, ...y].flatMap(value => value ?? []);
  const data: Data[] = [
    {
      type: 'scatter',
      mode: 'markers',
      x,
      y,
      marker: { color: colour(BLUE), size: 6, opacity: 0.6 }
    }
  ];
  if (chart.identity) {
    data.push(diagonal([Math.min(...known), Math.max(...known)]));
  }
  const base = frame(chart.x, chart.y);
  return { data, layout: { ...base, hovermode: 'closest' } };
}

/** The plot with what bars and lines share: axes, the diagonal, marks. */
function framed(
  chart: ILines | IBars,
  data: Data[],
  named: number,
  axes: Partial<Layout> = {}
): IPlot {
  const base = frame(chart.x, chart.y, named);
  const isLog = chart.kind === 'lines' && chart.x_log;
  const line = { color: colour(GREY), width: 1, dash: 'dot' as const };
  return {
    data: chart.diagonal ? [...data, diagonal([0, 1])] : data,
    layout: {
      ...base,
      ...axes,
      barmode: 'overlay',
      xaxis: { ...base.xaxis, ...axes.xaxis, ...(chart.unit && { range: [-0.01, 1.01] }) },
      yaxis: { ...base.yaxis, ...axes.yaxis, ...(chart.unit && { range: [-0.01, 1.02] }) },
      shapes: chart.marks?.map(({ x }) => ({
        type: 'line',
        x0: x,
        x1: x,
        yref: 'paper',
        y0: 0,
        y1: 1,
        line
      })),
      annotations: chart.marks?.map(({ x, label }) => ({
        x: isLog ? Math.log10(x) : x, // of a text plotly takes the power, of a line the value
        text: label,
        yref: 'paper',
        y: 1,
        yanchor: 'top',
        xanchor: 'left',
        showarrow: false
      }))
    }
  };
}

function diagonal(ends: number[]): Data {
  const line = { color: colour(GREY), width: 1, dash: 'dash' as const };
  return {
    type: 'scatter',
    mode: 'lines',
    x: ends,
    y: ends,
    line,
    opacity: 0.6,
    hoverinfo: 'skip',
    showlegend: false
  };
}
