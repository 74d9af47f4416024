import * as React from 'react';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { Chart, type ILine } from '../views/chart';
import { Confusion } from '../views/confusion';
import type { ICurve, IEvaluationBundle } from './types';

const GREY = 6;
const MOST_CURVES = 10;

/** An evaluation as its cell left it: metrics, matrix, curves, and the worst mistakes. */
export function EvaluationOutput(props: { bundle: IEvaluationBundle }): React.ReactElement {
  const { bundle } = props;
  const trans = useTrans();
  const charts = React.useMemo(() => {
    const { curves, calibration, residuals } = bundle;
    const diagonal: ILine = {
      name: 'ideal',
      x: [0, 1],
      y: [0, 1],
      shade: GREY,
      dash: true,
      faint: true
    };
    const found: { title: string; x: string; y: string; lines: ILine[]; scatter?: boolean }[] = [];
    if (curves?.roc?.length) {
      const lines = [...lineUp(curves.roc), diagonal];
      found.push({
        title: trans.__('ROC'),
        x: trans.__('False positives'),
        y: trans.__('True positives'),
        lines
      });
    }
    if (curves?.pr?.length) {
      found.push({
        title: trans.__('Precision and recall'),
        x: trans.__('Recall'),
        y: trans.__('Precision'),
        lines: lineUp(curves.pr)
      });
    }
    if (calibration) {
      const filled = calibration.count.map(Boolean); // an empty bin has no accuracy
      const line = {
        name: trans.__('accuracy'),
        x: calibration.confidence.filter((_, bin) => filled[bin]),
        y: calibration.accuracy.filter((_, bin) => filled[bin]),
        shade: 0
      };
      found.push({
        title: trans.__('Calibration'),
        x: trans.__('Confidence'),
        y: trans.__('Accuracy'),
        lines: [line, diagonal]
      });
    }
    if (residuals) {
      const { predicted, true: truth } = residuals;
      const known = truth.flatMap(value => value ?? []);
      const ends = [Math.min(...known), Math.max(...known)];
      found.push({
        title: trans.__('Predicted and true'),
        x: trans.__('True'),
        y: trans.__('Predicted'),
        lines: [
          { name: trans.__('items'), x: truth, y: predicted, shade: 0, points: true },
          { ...diagonal, x: ends, y: ends }
        ]
      });
    }
    return found;
  }, [bundle, trans]);

  return (
    <section aria-label={trans.__('Evaluation of %1', bundle.name)}>
      <div className="lp-View-title">
        <h4>{bundle.name}</h4>
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
      <div className="lp-Charts">
        {bundle.confusion && (
          <Confusion
            title={trans.__('Confusion')}
            matrix={bundle.confusion}
            names={bundle.class_names}
          />
        )}
        {charts.map(chart => (
          <Chart
            key={chart.title}
            title={chart.title}
            lines={chart.lines}
            xTitle={chart.x}
            yTitle={chart.y}
          />
        ))}
      </div>
      <PerClass bundle={bundle} />
      <Mistakes bundle={bundle} />
    </section>
  );
}

function lineUp(curves: ICurve[]): ILine[] {
  return curves.slice(0, MOST_CURVES).map((curve, index) => ({
    name: curve.area === null ? curve.name : `${curve.name} (${format.metric(curve.area)})`,
    x: curve.x,
    y: curve.y,
    shade: index
  }));
}

function PerClass(props: { bundle: IEvaluationBundle }): React.ReactElement | null {
  const { per_class: columns, class_names: names, labels } = props.bundle;
  const trans = useTrans();
  const metrics = Object.keys(columns ?? {});
  if (metrics.length === 0) {
    return null;
  }
  return (
    <details className="lp-Details">
      <summary>{trans.__('Every class')}</summary>
      <table className="lp-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Class')}</th>
            {metrics.map(name => (
              <th key={name} scope="col">
                {labels[name] ?? name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name, index) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {metrics.map(metric => (
                <td key={metric}>{format.metric(columns[metric][index])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Mistakes(props: { bundle: IEvaluationBundle }): React.ReactElement | null {
  const { mistakes } = props.bundle;
  const trans = useTrans();
  if (!mistakes?.length) {
    return null;
  }
  return (
    <details className="lp-Details" open>
      <summary>{trans.__('The worst mistakes')}</summary>
      <ul className="lp-Mistakes">
        {mistakes.map(item => (
          <li key={item.index}>
            {item.image && <img src={item.image} alt={trans.__('Item %1', item.index)} />}
            {item.text && <blockquote>{item.text}</blockquote>}
            <span>{item.prediction}</span>
            <span className="lp-Hint">{trans.__('is %1', item.truth)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
