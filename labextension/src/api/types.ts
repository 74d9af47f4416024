import type { IChart } from '../charts/types';
import type { RunStatus } from './states';

export type { RunStatus } from './states';

/**
 * What the server extension answers, as `lepton_nb/lab/README.md` documents it.
 *
 * Times are unix seconds, sizes bytes, durations seconds, latencies milliseconds; `null` is unknown.
 */

export interface ISparkline {
  metric: string;
  values: (number | null)[];
}

export interface IRun {
  id: string;
  name: string;
  number: number;
  ref: string;
  status: RunStatus;
  task: string;
  model: string;
  data: string;
  monitor: string;
  mode: 'min' | 'max';
  epochs: number;
  epoch: number;
  step: number;
  total_steps: number | null;
  attempt: number;
  best_value: number | null;
  best_step: number | null;
  error: string | null;
  tags: Record<string, string>;
  notes: string;
  notebook: string | null;
  created_at: number;
  begun_at: number | null;
  ended_at: number | null;
  heartbeat_at: number | null;
  seconds: number;
  eta?: number | null;
  progress?: number | null;
  items_per_second?: number | null;
  device?: string | null;
  /** What the model answered at the last validation, where its task shows any. */
  samples?: string[];
  /** What a queued run waits for, in words. */
  queue?: string | null;
  latest?: Record<string, number | null>;
  sparkline?: ISparkline | null;
  actions?: string[];
}

export interface ICheckpoint {
  step: number;
  epoch: number;
  value: number | null;
  best: boolean;
  size: number;
  created_at: number;
  path: string;
}

export interface IEvaluation {
  data: string;
  split: string;
  items: number;
  metrics: Record<string, number | null>;
  labels?: Record<string, string>;
  /** Absent where an older version measured. */
  charts?: IChart[];
  class_names?: string[];
  confusion?: number[][] | null;
  notes?: string[];
  created_at?: number;
}

export interface IPackage {
  name: string;
  version: number;
  run_id: string;
  run: string | null;
  path: string;
  sha256: string;
  task: string;
  formats: string[];
  created_at: number;
  deployments: string[];
}

export interface IServiceStats {
  requests: number;
  errors: number;
  requests_per_second: number | null;
  latency_ms: { p50: number | null; p95: number | null; p99: number | null } | null;
  queue?: number;
  queue_limit?: number;
  memory_bytes?: number | null;
  uptime_seconds?: number | null;
  restarts?: number;
  model?: string;
  run?: string;
  format?: string;
  device?: string;
}

export type DeploymentState =
  'ready' | 'starting' | 'recovering' | 'failing' | 'draining' | 'unreachable' | 'gone';

export interface IDeployment {
  name: string;
  url: string;
  package: string;
  version: number;
  previous_version: number | null;
  lifetime: 'detached' | 'kernel';
  created_at: number;
  state: DeploymentState;
  problem: string | null;
  stats: IServiceStats | null;
  actions: string[];
}

export interface IDataset {
  name: string;
  task: string;
  source: string | null;
  where: string | null;
  sizes: Record<string, number>;
  runs: number;
  last_run: string | null;
  used_at: number;
}

export interface IJob {
  id: string;
  kind: string;
  target: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  message: string | null;
  hint: string | null;
  log?: string | null;
  started_at: number;
  ended_at: number | null;
}

export interface IMemory {
  used: number;
  total: number;
}

export interface IHardware {
  cpu_percent: number | null;
  memory: IMemory | null;
  devices: { name: string; percent: number | null; memory: IMemory | null }[];
}

export interface ISeries {
  step: number[];
  epoch: number[];
  value: (number | null)[];
  time: number[];
}

export interface IHistory {
  series: Record<string, ISeries>;
  step: number;
  /** Unknown of data without a length. */
  steps_per_epoch?: number | null;
  /** How far this reads: what `after` takes the next time. A step alone would miss validation. */
  cursor: string;
}

export interface IRunDetail {
  run: IRun;
  config: Record<string, unknown>;
  environment: Record<string, unknown>;
  source: string | null;
  checkpoints: ICheckpoint[];
  metrics: Record<string, { last: number | null; min: number | null; max: number | null }>;
  evaluations: Record<string, IEvaluation>;
  packages: IPackage[];
  deployments: string[];
  folder: string;
}

export interface IComparison {
  runs: IRun[];
  differing: { name: string; values: unknown[] }[];
  same: { name: string; value: unknown }[];
  evaluations: Record<string, IEvaluation>[];
}

export type TimeSeries = Record<string, { time: number[]; value: (number | null)[] }>;

export interface IDeploymentDetail {
  deployment: IDeployment;
  series: {
    time: number[];
    requests_per_second: (number | null)[];
    p50: (number | null)[];
    p95: (number | null)[];
    p99: (number | null)[];
    errors: (number | null)[];
    queue: (number | null)[];
    memory_bytes: (number | null)[];
  };
  versions: { package: string; version: number }[];
  curl: string;
}

export interface ITemplate {
  id: string;
  title: string;
  description: string;
  kind: 'tutorial' | 'template';
}

export interface IOption {
  flags: string[];
  metavar: string | null;
  help: string;
  default: unknown;
  choices: unknown[] | null;
}

export interface ISubcommand {
  name: string;
  help: string;
  positionals: { name: string; help: string }[];
  options: IOption[];
}

export interface INotice {
  type: 'notification';
  level: 'success' | 'warning' | 'error';
  message: string;
  run: string | null;
  deployment: string | null;
  event:
    'run-ended' | 'run-failed' | 'run-interrupted' | 'deployment-degraded' | 'deployment-recovered';
}

/** What the websocket tells. */
export type LeptonMessage =
  | { type: 'hello'; version: string; runs: number }
  | { type: 'runs'; changed: IRun[]; removed: string[] }
  | { type: 'deployments'; changed: IDeployment[]; removed: string[] }
  | { type: 'packages'; changed: IPackage[]; removed: string[] }
  | { type: 'job'; job: IJob }
  | ({ type: 'hardware' } & IHardware)
  | INotice;
