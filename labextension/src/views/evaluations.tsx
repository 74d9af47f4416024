import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IEvaluation, IRunDetail } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { Empty } from '../common/notice';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { Confusion } from './confusion';

interface IColumn {
  title: string;
  evaluation: IEvaluation;
}

/** How good the runs are on held-out data. */
export function Evaluations(props: {
  details: IRunDetail[];
  commands: CommandRegistry;
}): React.ReactElement {
  const { details, commands } = props;
  const trans = useTrans();
  const columns: IColumn[] = details.flatMap(detail =>
    Object.entries(detail.evaluations).map(([split, evaluation]) => ({
      title: details.length > 1 ? `${detail.run.ref} · ${split}` : split,
      evaluation
    }))
  );
  if (columns.length === 0) {
    const ref = details[0].run.ref;
    return (
      <Empty
        title={trans.__('Not evaluated yet')}
        code={`%lepton evaluate ${ref}`}
        action={
          <CommandButton
            commands={commands}
            id={CommandIDs.evaluateRun}
            args={{ ref }}
            text
            primary
          />
        }
      >
        {trans.__('An evaluation measures the best checkpoint on data it has never seen.')}
      </Empty>
    );
  }
  const names = [...new Set(columns.flatMap(column => Object.keys(column.evaluation.metrics)))];
  return (
    <>
      <table className="lp-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Metric')}</th>
            {columns.map(column => (
              <th key={column.title} scope="col">
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map(name => (
            <tr key={name}>
              <th scope="row">{name.replace(/_/g, ' ')}</th>
              {columns.map(column => (
                <td key={column.title}>{format.metric(column.evaluation.metrics[name])}</td>
              ))}
            </tr>
          ))}
          <tr>
            <th scope="row">{trans.__('items')}</th>
            {columns.map(column => (
              <td key={column.title}>{format.count(column.evaluation.items)}</td>
            ))}
          </tr>
        </tbody>
      </table>
      <div className="lp-Charts">
        {columns.map(({ title, evaluation }) =>
          evaluation.confusion ? (
            <Confusion
              key={title}
              title={trans.__('Confusion on %1', title)}
              matrix={evaluation.confusion}
              names={evaluation.class_names ?? []}
            />
          ) : null
        )}
      </div>
    </>
  );
}
