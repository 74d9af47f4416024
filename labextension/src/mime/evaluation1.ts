import type { IChart, ILines, IMatrix } from '../charts/types';
import type { IEvaluationBundle } from './types';

type Values = (number | null)[];

interface ICurve {
  name: string;
  x: Values;
  y: Values;
  area: number | null;
}

/** An evaluation as version 1 left it in a notebook: what there was to look at, in fields of its own. */
export interface IEvaluationBundle1 extends Omit<IEvaluationBundle, 'charts'> {
  class_names: string[];
  per_class: Record<string, Values>;
  confusion: number[][] | null;
  curves: { roc?: ICurve[]; pr?: ICurve[] } | null;
  calibration: { confidence: Values; accuracy: Values; count: Values } | null;
  residuals: { predicted: Values; true: Values } | null;
  mistakes: {
    index: number;
    prediction: string;
    truth: string;
    text: string | null;
    image: string | null;
  }[];
}

/** The charts of an evaluation of any version. */
export function chartsOf(bundle: IEvaluationBundle | IEvaluationBundle1): IChart[] {
  return 'charts' in bundle ? bundle.charts : chartsOf1(bundle);
}

export function confusionOf(values: number[][], names: string[]): IMatrix {
  const named = values.map((_, index) => names[index] ?? String(index));
  const title = 'Confusion matrix';
  return {
    kind: 'matrix',
    name: 'confusion',
    title,
    rows: named,
    columns: named,
    values,
    x: 'predicted',
    y: 'true'
  };
}

function chartsOf1(bundle: IEvaluationBundle1): IChart[] {
  const { confusion, curves, calibration, residuals, mistakes, class_names: names } = bundle;
  const charts: IChart[] = confusion ? [confusionOf(confusion, names)] : [];
  if (curves?.pr?.length) {
    charts.push(curvesOf('Precision and recall', 'recall', 'precision', curves.pr));
  }
  if (curves?.roc?.length) {
    const axes = ['false positive rate', 'true positive rate'] as const;
    charts.push({ ...curvesOf('ROC', ...axes, curves.roc), diagonal: true });
  }
  if (calibration) {
    const filled = (values: Values) => values.filter((_, bin) => calibration.count[bin]);
    const { confidence, accuracy } = calibration;
    const curve = { name: 'accuracy', x: filled(confidence), y: filled(accuracy), area: null };
    charts.push({ ...curvesOf('Calibration', 'confidence', 'accuracy', [curve]), diagonal: true });
  }
  if (residuals) {
    const points = { across: residuals.true, up: residuals.predicted, x: 'true', y: 'predicted' };
    const title = 'Predicted and true';
    charts.push({ kind: 'scatter', name: 'predicted', title, ...points, identity: true });
  }
  if (mistakes?.length) {
    const items = mistakes.map(({ index, prediction, truth, text, image }) => ({
      index,
      caption: prediction,
      truth,
      text: text ?? '',
      picture: image ?? ''
    }));
    charts.push({ kind: 'gallery', name: 'worst', title: 'Worst mistakes', items });
  }
  const metrics = Object.keys(bundle.per_class ?? {});
  if (metrics.length) {
    const rows = names.map((name, row) => [
      name,
      ...metrics.map(key => bundle.per_class[key][row])
    ]);
    const columns = ['class', ...metrics.map(key => bundle.labels[key] ?? key)];
    charts.push({ kind: 'table', name: 'per_class', title: 'Every class', columns, rows });
  }
  return charts;
}

function curvesOf(title: string, x: string, y: string, curves: ICurve[]): ILines {
  const lines = curves.map(({ area, ...curve }) => ({ ...curve, value: area }));
  return { kind: 'lines', name: title, title, x, y, unit: true, lines };
}
