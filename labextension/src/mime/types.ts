import type { IRun } from '../api/types';
import type { IChart } from '../charts/types';

export interface IRunBundle {
  version: number;
  run: IRun;
  config: Record<string, unknown>;
  summary: [string, string][];
  next: string[];
  series: Record<string, { step: number[]; value: (number | null)[] }>;
  steps_per_epoch?: number | null;
  /** The id under which its live panel looks for a place; only of a run that had not ended. */
  panel?: string;
}

/** Some runs: those listed, or the trials of a search. */
export interface IRunsBundle {
  version: number;
  runs: IRun[];
  title?: string;
  /** The search whose runs are meant, as their tag names it. */
  study?: string;
  wanted?: number;
  panel?: string;
}

/** A service: its card, or the place of its panel. */
export interface IServiceBundle {
  version: number;
  name: string;
  url?: string;
  curl?: string;
  panel?: string;
  /** Whether its card stands above the panel. */
  has_card?: boolean;
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
