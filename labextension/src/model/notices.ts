import type { INotice, IRun } from '../api/types';

/** The notice of a run that ended while nobody listened, in the words the server uses. */
export function endOf(run: IRun): INotice | null {
  const about = { type: 'notification', run: run.ref, deployment: null } as const;
  switch (run.status) {
    case 'finished':
      return {
        ...about,
        event: 'run-ended',
        level: 'success',
        message: `${run.ref} has finished.`
      };
    case 'stopped':
      return { ...about, event: 'run-ended', level: 'warning', message: `${run.ref} was stopped.` };
    case 'failed':
      return {
        ...about,
        event: 'run-failed',
        level: 'error',
        message: `${run.ref} failed: ${(run.error ?? '').split('\n')[0]}`
      };
    case 'interrupted':
      return {
        ...about,
        event: 'run-interrupted',
        level: 'error',
        message: `${run.ref} was cut off: its process is gone. It can be resumed.`
      };
    case 'queued':
    case 'running':
    case 'paused':
      return null;
  }
}
