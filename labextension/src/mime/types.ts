import type { IRun } from '../api/types';

export interface IRunBundle {
  version: number;
  run: IRun;
  config: Record<string, unknown>;
  summary: [string, string][];
  next: string[];
  series: Record<string, { step: number[]; value: (number | null)[] }>;
  /** The id under which its live panel looks for a place; only of a run that had not ended. */
  panel?: string;
}

export interface IServiceBundle {
  version: number;
  name: string;
  panel: string;
}

export interface ICurve {
  name: string;
  x: (number | null)[];
  y: (number | null)[];
  area: number | null;
}

export interface IMistake {
  index: number;
  prediction: string;
  truth: string;
  error: number | null;
  text: string | null;
  image: string | null;
}

export interface IEvaluationBundle {
  version: number;
  name: string;
  task: string;
  data: string;
  split: string;
  items: number;
  metrics: Record<string, number | null>;
  labels: Record<string, string>;
  class_names: string[];
  per_class: Record<string, (number | null)[]>;
  confusion: number[][] | null;
  curves: { roc?: ICurve[]; pr?: ICurve[] } | null;
  calibration: {
    confidence: (number | null)[];
    accuracy: (number | null)[];
    count: (number | null)[];
  } | null;
  residuals: { predicted: (number | null)[]; true: (number | null)[] } | null;
  mistakes: IMistake[];
  notes: string[];
  seconds: number;
}
