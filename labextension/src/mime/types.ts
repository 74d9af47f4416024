import type { IRun } from '../api/types';
import type { IChart } from '../charts/types';

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

export interface IEvaluationBundle {
  version: number;
  name: string;
  task: string;
  data: string;
  split: string;
  items: number;
  metrics: Record<string, number | null>;
  labels: Record<string, string>;
  charts: IChart[];
  notes: string[];
  seconds: number;
}
