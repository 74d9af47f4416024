import * as React from 'react';
import { Charts } from '../charts/charts';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { chartsOf, type IEvaluationBundle1 } from './evaluation1';
import type { IEvaluationBundle } from './types';

export const NEWEST = 2;

/** An evaluation as its cell left it: metrics, and what there is to look at. */
export function EvaluationOutput(props: {
  bundle: IEvaluationBundle | IEvaluationBundle1;
}): React.ReactElement {
  const { bundle } = props;
  const trans = useTrans();
  const charts = React.useMemo(() => chartsOf(bundle), [bundle]);
  return (
    <section aria-label={trans.__('Evaluation of %1', bundle.name)}>
      <div className="lp-View-title">
        <h2>{bundle.name}</h2>
        <span className="lp-Hint">
          {trans.__(
            '%1 items of %2, split %3',
            format.count(bundle.items),
            bundle.data,
            bundle.split
          )}
        </span>
      </div>
      <dl className="lp-Facts">
        {Object.entries(bundle.metrics).map(([name, value]) => (
          <div key={name}>
            <dt>{bundle.labels[name] ?? name.replace(/_/g, ' ')}</dt>
            <dd>{format.metric(value)}</dd>
          </div>
        ))}
      </dl>
      {bundle.notes.map(note => (
        <p key={note} className="lp-Note">
          {note}
        </p>
      ))}
      <Charts charts={charts} />
    </section>
  );
}
