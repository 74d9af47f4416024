import * as React from 'react';
import { useTrans } from '../common/translation';

const MOST_LABELLED = 20;

/** A confusion matrix as a table: rows are the truth, columns the prediction, shaded within the row. */
export function Confusion(props: {
  title: string;
  matrix: number[][];
  names: string[];
}): React.ReactElement {
  const { matrix, title } = props;
  const trans = useTrans();
  const names = matrix.map((_, index) => props.names[index] ?? String(index));
  const small = matrix.length <= MOST_LABELLED;
  return (
    <figure className="lp-Chart lp-Confusion">
      <figcaption>{title}</figcaption>
      {/* It may be wider than the page, so the keyboard must reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="lp-Confusion-box" tabIndex={0} role="group" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col" className="lp-Confusion-corner">
                {trans.__('true ↓ predicted →')}
              </th>
              {names.map(name => (
                <th key={name} scope="col" title={name}>
                  <span>{small ? name : ''}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.map((row, truth) => {
              const total = Math.max(
                1,
                row.reduce((sum, value) => sum + value, 0)
              );
              return (
                <tr key={names[truth]}>
                  <th scope="row" title={names[truth]}>
                    {small ? names[truth] : ''}
                  </th>
                  {row.map((value, prediction) => (
                    <td
                      key={prediction}
                      data-right={truth === prediction}
                      style={{ '--lp-share': value / total } as React.CSSProperties}
                      title={trans.__(
                        '%1 predicted as %2: %3',
                        names[truth],
                        names[prediction],
                        value
                      )}
                    >
                      {small && value > 0 ? value : ''}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
