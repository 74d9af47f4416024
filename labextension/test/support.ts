import type { IRun } from '../src/api/types';

/** A finished run, with what a test is about changed. */
export function aRun(changes: Partial<IRun> = {}): IRun {
  const name = changes.name ?? 'cnn';
  const number = changes.number ?? 1;
  return {
    id: `${name}-${number}`,
    name,
    number,
    ref: `${name}@${number}`,
    status: 'finished',
    task: 'image-classification',
    model: 'LeptonCNN',
    data: 'digits',
    monitor: 'val_loss',
    mode: 'min',
    epochs: 10,
    epoch: 10,
    step: 400,
    total_steps: 400,
    attempt: 1,
    best_value: null,
    best_step: null,
    error: null,
    tags: {},
    notes: '',
    notebook: 'train.ipynb',
    created_at: 1000,
    begun_at: 1000,
    ended_at: 1060,
    heartbeat_at: 1060,
    seconds: 60,
    actions: ['evaluate', 'deploy', 'delete'],
    ...changes
  };
}
