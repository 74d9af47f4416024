import * as React from 'react';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { Gallery } from './gallery';
import { Matrix } from './matrix';
import { Note, Plot } from './plot';
import { plotOf } from './traces';
import type { IChart, IPlotted, ITable } from './types';

/** A list of charts, each drawn by its kind. */
export function Charts(props: { charts: IChart[] }): React.ReactElement {
  return (
    <div className="lp-Charts">
      {props.charts.map((chart, place) => (
        <Drawn key={place} chart={chart} />
      ))}
    </div>
  );
}

function Drawn(props: { chart: IChart }): React.ReactElement {
  const { chart } = props;
  switch (chart.kind) {
    case 'lines':
    case 'bars':
    case 'scatter':
      return <Plotted chart={chart} />;
    case 'panels':
      return (
        <>
          {chart.panels.map(panel => (
            <Plotted key={panel.name} chart={panel} />
          ))}
          <Note text={chart.note} />
        </>
      );
    case 'matrix':
      return <Matrix chart={chart} />;
    case 'table':
      return <Table chart={chart} />;
    case 'gallery':
      return <Gallery chart={chart} />;
    default:
      return <Unknown chart={chart} />;
  }
}

function Plotted(props: { chart: IPlotted }): React.ReactElement {
  const { chart } = props;
  const draw = React.useCallback(() => plotOf(chart), [chart]);
  const names = chart.kind === 'lines' ? chart.lines.map(line => line.name) : [];
  const summary = [chart.title, ...names].join('. ');
  return <Plot title={chart.title} note={chart.note} summary={summary} draw={draw} />;
}

function Table(props: { chart: ITable }): React.ReactElement {
  const { title, note, columns, rows } = props.chart;
  return (
    <details className="lp-Details lp-mod-wide">
      <summary>{title}</summary>
      <table className="lp-Table">
        <thead>
          <tr>
            {columns.map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...rest], row) => (
            <tr key={row}>
              <th scope="row">{shown(first)}</th>
              {rest.map((value, column) => (
                <td key={column}>{shown(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Note text={note} />
    </details>
  );
}

function shown(value: string | number | null): string {
  return typeof value === 'string' ? value : format.metric(value);
}

/** Written by a newer version: what it says, without what it shows. */
function Unknown(props: { chart: { kind: string; title: string; note?: string } }) {
  const trans = useTrans();
  return (
    <figure className="lp-Chart">
      <figcaption>{props.chart.title}</figcaption>
      <p className="lp-Hint">
        {trans.__('A newer lepton-nb is needed to draw this (%1).', props.chart.kind)}
      </p>
      <Note text={props.chart.note} />
    </figure>
  );
}
