import * as React from 'react';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { Note } from './plot';
import type { IMatrix } from './types';

const MOST_LABELLED = 20;

/** A matrix as a table, shaded by each value's share; the diagonal is right where both sides have the same names. */
export function Matrix(props: { chart: IMatrix }): React.ReactElement {
  const { rows, columns, title, x, y, totals, counts = true, values, note } = props.chart;
  const trans = useTrans();
  const small = Math.max(rows.length, columns.length) <= MOST_LABELLED;
  const ofItself = rows.length === columns.length && rows.every((row, i) => row === columns[i]);
  const total = (row: number) =>
    Math.max(1, totals?.[row] ?? values[row].reduce<number>((sum, value) => sum + (value ?? 0), 0));
  return (
    <figure className="lp-Chart lp-Matrix">
      <figcaption>{title}</figcaption>
      {/* It may be wider than the page, so the keyboard must reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="lp-Matrix-box" tabIndex={0} role="group" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col" className="lp-Matrix-corner">
                {x && y && trans.__('%1 ↓ %2 →', y, x)}
              </th>
              {columns.map((name, column) => (
                <th key={column} scope="col" title={name}>
                  <span>{small ? name : ''}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {values.map((cells, row) => (
              <tr key={row}>
                <th scope="row" title={rows[row]}>
                  {small ? rows[row] : ''}
                </th>
                {cells.map((value, column) => (
                  <td
                    key={column}
                    data-right={!ofItself || row === column}
                    style={
                      {
                        '--lp-share': (value ?? 0) / (counts ? total(row) : 1)
                      } as React.CSSProperties
                    }
                    title={`${y} ${rows[row]}, ${x} ${columns[column]}: ${format.metric(value)}`}
                  >
                    {small && value ? format.metric(value) : ''}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Note text={note} />
    </figure>
  );
}
