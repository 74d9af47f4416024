import type { Layout } from 'plotly.js';

// Okabe and Ito's colours, told apart by all readers; the darker and lighter ones chosen for the background.
const ON_LIGHT = ['#0072b2', '#d55e00', '#00795c', '#a8508b', '#8a6d00', '#2b6cb0', '#5f5f5f'];
const ON_DARK = ['#56b4e9', '#f0914a', '#2fc9a0', '#de95c4', '#f0e442', '#9ecbff', '#c9c9c9'];

function variable(name: string, fallback: string): string {
  return window.getComputedStyle(document.body).getPropertyValue(name).trim() || fallback;
}

export function isLight(): boolean {
  return document.body.dataset.jpThemeLight !== 'false';
}

/** The colour of the n-th run; after the last it begins again. */
export function colour(index: number): string {
  const colours = isLight() ? ON_LIGHT : ON_DARK;
  return colours[index % colours.length];
}

/** Plotly in the lab's own colours and type. */
export function layout(): Partial<Layout> {
  const text = variable('--jp-ui-font-color1', '#333');
  const soft = variable('--jp-ui-font-color2', '#666');
  const rule = variable('--jp-border-color2', '#ddd');
  const axis = {
    gridcolor: rule,
    linecolor: rule,
    zerolinecolor: rule,
    tickfont: { color: soft },
    title: { font: { color: soft, size: 11 }, standoff: 6 },
    automargin: true
  };
  return {
    paper_bgcolor: 'transparent',
    plot_bgcolor: 'transparent',
    font: { family: variable('--jp-ui-font-family', 'sans-serif'), size: 11, color: text },
    margin: { l: 44, r: 12, t: 8, b: 34 },
    hovermode: 'x unified',
    hoverlabel: {
      bgcolor: variable('--jp-layout-color1', '#fff'),
      bordercolor: rule,
      font: { color: text }
    },
    modebar: { bgcolor: 'transparent', color: soft, activecolor: text },
    legend: { orientation: 'h', y: 1, yanchor: 'bottom', x: 0, font: { color: text } },
    xaxis: axis,
    yaxis: axis
  };
}
