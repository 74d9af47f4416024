import type { Data } from 'plotly.js';
import { plotOf } from '../src/charts/traces';
import type { ILineData } from '../src/charts/types';

type Trace = Data & Record<string, unknown>;

function line(name: string, changes: Partial<ILineData> = {}): ILineData {
  return { name, x: [0, 1], y: [0, 1], ...changes };
}

test('lines are named with their value, and the faint ones lie behind', () => {
  const lines = [line('cat', { value: 0.91234 }), line('dog', { faint: true })];
  const { data, layout } = plotOf({
    kind: 'lines',
    name: 'roc',
    title: 'ROC',
    lines,
    unit: true,
    diagonal: true,
    y_log: true,
    marks: [{ x: 0.5, label: 'best' }]
  });
  const [behind, cat, diagonal] = data as Trace[];
  expect([behind.name, behind.showlegend]).toEqual(['dog', false]);
  expect(cat.name).toBe('cat (0.9123)');
  expect(diagonal.y).toEqual([0, 1]);
  expect(layout.yaxis).toMatchObject({ type: 'log', range: [-0.01, 1.02] });
  expect(layout.shapes).toMatchObject([{ x0: 0.5, x1: 0.5 }]);
});

test('the name of a mark stands at the mark, also on a logarithmic axis', () => {
  const chart = { kind: 'lines' as const, name: 'a', title: 'A', lines: [], x_log: true };
  const { layout } = plotOf({ ...chart, marks: [{ x: 0.01, label: 'best' }] });
  expect(layout.shapes).toMatchObject([{ x0: 0.01 }]);
  expect(layout.annotations).toMatchObject([{ x: -2, text: 'best' }]);
});

test('a band is filled between its two bounds', () => {
  const lines = [line('loss', { low: [0, 0], high: [1, 2] })];
  const { data } = plotOf({ kind: 'lines', name: 'loss', title: 'Loss', lines });
  expect(data.map(trace => (trace as Trace).fill)).toEqual([undefined, 'tonexty', undefined]);
});

test('bars show where they were to reach and how much stands behind them', () => {
  const { data, layout } = plotOf({
    kind: 'bars',
    name: 'reliability',
    title: 'Reliability',
    at: [0.25, 0.75],
    heights: [null, 0.7],
    levels: [null, 0.8],
    behind: [0, 1]
  });
  expect(data.map(trace => trace.type)).toEqual(['bar', 'scatter', 'bar']);
  expect((data[2] as Trace).yaxis).toBe('y2');
  expect(layout.yaxis2).toMatchObject({ domain: [0, 0.2] });
});

test('points of one unit have the line on which they are equal', () => {
  const chart = { name: 'predicted', title: 'Predicted', across: [1, null, 4], up: [2, 1, 3] };
  const { data } = plotOf({ kind: 'scatter', ...chart, identity: true });
  expect((data[1] as Trace).x).toEqual([1, 4]);
  expect(plotOf({ kind: 'scatter', ...chart }).data).toHaveLength(1);
});
