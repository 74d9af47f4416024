/** Written by `lepton_nb/runs/states.py`, in the order in which a list offers them. */
export const RUN_STATES = {
  queued: { word: 'Queued', kind: 'queued', active: true },
  running: { word: 'Training', kind: 'live', active: true },
  paused: { word: 'Paused', kind: 'waiting', active: true },
  finished: { word: 'Finished', kind: 'good', active: false },
  stopped: { word: 'Stopped', kind: 'off', active: false },
  failed: { word: 'Failed', kind: 'bad', active: false },
  interrupted: { word: 'Interrupted', kind: 'bad', active: false }
} as const;

export type RunStatus = keyof typeof RUN_STATES;
