import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IEvaluation, IRunDetail } from '../api/types';
import { Charts } from '../charts/charts';
import type { IChart } from '../charts/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { Empty } from '../common/notice';
import { useTrans } from '../common/translation';
import { confusionOf } from '../mime/evaluation1';
import { baseOf } from '../model/curves';
import * as format from '../model/format';

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
  const columns = React.useMemo(() => columnsOf(details), [details]);
  const charts = React.useMemo(() => beside(columns), [columns]);
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
  const labels = Object.assign({}, ...columns.map(column => column.evaluation.labels));
  const monitored = baseOf(details[0].run.monitor);
  const all = new Set(columns.flatMap(column => Object.keys(column.evaluation.metrics)));
  const names = [...all].sort((a, b) => Number(b === monitored) - Number(a === monitored));
  const missing = details.filter(({ evaluations }) => Object.keys(evaluations).length === 0);
  return (
    <>
      {missing.map(({ run: { ref } }) => (
        <p key={ref} className="lp-Note">
          {trans.__('%1 is not evaluated yet.', ref)}{' '}
          <CommandButton commands={commands} id={CommandIDs.evaluateRun} args={{ ref }} text />
        </p>
      ))}
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
            <tr key={name} className={name === monitored ? 'lp-mod-main' : undefined}>
              <th scope="row">{labels[name] ?? name.replace(/_/g, ' ')}</th>
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
      <Charts charts={charts} />
    </>
  );
}

function columnsOf(details: IRunDetail[]): IColumn[] {
  return details.flatMap(detail =>
    Object.entries(detail.evaluations).map(([split, evaluation]) => ({
      title: details.length > 1 ? `${detail.run.ref} · ${split}` : split,
      evaluation
    }))
  );
}

/** The charts of all columns, those of one name beside each other. */
function beside(columns: IColumn[]): IChart[] {
  const charts = columns.flatMap(({ title, evaluation }) =>
    chartsOf(evaluation).map(chart => ({ ...chart, title: `${chart.title} · ${title}` }))
  );
  const names = [...new Set(charts.map(chart => chart.name))];
  return names.flatMap(name => charts.filter(chart => chart.name === name));
}

function chartsOf(evaluation: IEvaluation): IChart[] {
  const { charts, confusion, class_names: names = [] } = evaluation;
  return charts ?? (confusion ? [confusionOf(confusion, names)] : []);
}
