import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server.node';
import { Charts } from '../src/charts/charts';
import type { IChart } from '../src/charts/types';
import { chartsOf, type IEvaluationBundle1 } from '../src/mime/evaluation1';
import stored from './evaluation-1.json';

function drawn(...charts: unknown[]): string {
  return renderToStaticMarkup(<Charts charts={charts as IChart[]} />);
}

const exhibit = { caption: 'cat 93%', truth: 'dog', text: '', index: 3, boxes: [], masks: [] };
const picture = 'data:image/png;base64,iVBORw0KGgo=';

test('a matrix is shaded by the share of whole rows, also where columns were left out', () => {
  const matrix = { kind: 'matrix', title: 'Confusion', rows: ['a', 'b'], columns: ['a', 'b'] };
  expect(
    drawn({
      ...matrix,
      values: [
        [3, 1],
        [0, 2]
      ]
    })
  ).toContain('data-right="true" style="--lp-share:0.75"');
  expect(
    drawn({
      ...matrix,
      values: [
        [3, 1],
        [0, 2]
      ],
      totals: [6, 2]
    })
  ).toContain('--lp-share:0.5"');
  const shares = {
    ...matrix,
    columns: ['x', 'y'],
    values: [
      [0.25, 1],
      [0, 0.5]
    ],
    counts: false
  };
  expect(drawn(shares)).toContain('--lp-share:0.25');
  expect(drawn(shares)).not.toContain('data-right="false"');
});

test('boxes lie where they are on the picture, whatever its size', () => {
  const box = { x1: 0.1, y1: 0.2, x2: 0.5, y2: 0.9, label: 'cat', score: 0.93, true: false };
  const items = [{ ...exhibit, picture, boxes: [box, { ...box, score: null, true: true }] }];
  const html = drawn({ kind: 'gallery', title: 'Worst', items });
  expect(html).toContain('left:10.00%;top:20.00%;width:40.00%;height:70.00%');
  expect(html.match(/cat 93%<\/b>/g)).toHaveLength(1);
});

test('a picture from elsewhere is not fetched', () => {
  const mask = { shape: 'data:image/png;base64,x"),url(http://b/', label: '', true: false };
  const items = [
    { ...exhibit, picture: 'https://example.org/a.png' },
    { ...exhibit, picture, masks: [mask] }
  ];
  const html = drawn({ kind: 'gallery', title: 'Worst', items });
  expect(html).not.toMatch(/example.org|http:\/\/b/);
});

test('a kind that is not known says what it can', () => {
  const html = drawn({ kind: 'sankey', title: 'Flows', note: 'From here to there.' });
  expect(html).toContain('Flows');
  expect(html).toContain('A newer lepton-nb is needed to draw this (sankey).');
  expect(html).toContain('From here to there.');
});

test('an evaluation that version 1 left in a notebook is still drawn', () => {
  const bundle = stored as unknown as IEvaluationBundle1;
  const charts = chartsOf(bundle);
  expect(charts.map(chart => chart.kind)).toEqual([
    'matrix',
    'lines',
    'lines',
    'lines',
    'gallery',
    'table'
  ]);
  const html = drawn(...charts);
  for (const shown of ['Confusion matrix', 'ROC', 'Calibration', 'Worst mistakes', 'Every class']) {
    expect(html).toContain(shown);
  }
  expect(html).toContain(`src="${bundle.mistakes[0].image}"`);
  const residuals = { predicted: [1, 2], true: [1, 3] };
  const values = { ...bundle, confusion: null, curves: null, calibration: null, residuals };
  expect(chartsOf(values)[0]).toMatchObject({ kind: 'scatter', across: [1, 3], up: [1, 2] });
});
