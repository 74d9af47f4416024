import * as React from 'react';
import type { IHistory, IRun, IRunDetail } from '../api/types';
import { path } from '../commands/context';
import { useLoaded, useModel, useThrottled, type Loaded } from '../common/hooks';
import { extend } from '../model/curves';
import type { LeptonModel } from '../model/lepton';

const POINTS = 800;
const MOST_POINTS = 4000; // then it is read again, thinned out by the server
const REFRESH = 1000;

/** The newest rows of these runs, in their order; deleted ones are left out. */
export function useRunRows(model: LeptonModel, refs: readonly string[]): IRun[] {
  useModel(model, 'runs', 'status');
  return refs.flatMap(ref => model.run(ref) ?? []);
}

/** All there is to know of these runs; read again when they end or start anew. */
export function useDetails(
  model: LeptonModel,
  runs: IRun[]
): Loaded<IRunDetail[]> & { reload(): void } {
  const key = runs.map(run => `${run.ref} ${run.status} ${run.attempt} ${run.epoch}`).join();
  const load = () =>
    Promise.all(runs.map(run => model.client.get<IRunDetail>(path`runs/${run.ref}`)));
  return useLoaded(load, useThrottled(key, REFRESH));
}

/** The histories of these runs, kept up to date while they train and `isShown`. */
export function useHistories(
  model: LeptonModel,
  runs: IRun[],
  isShown: boolean
): Loaded<IHistory[]> {
  const known = React.useRef(new Map<string, IHistory>());
  const load = () =>
    Promise.all(
      runs.map(async run => {
        const id = `${run.id} ${run.attempt}`;
        const before = known.current.get(id);
        const newest = await read(model, run, before);
        known.current.set(id, newest);
        return newest;
      })
    );
  const steps = runs.map(run => `${run.id} ${run.attempt} ${run.step} ${run.status}`).join();
  const shown = React.useRef(steps);
  if (isShown) {
    shown.current = steps;
  }
  return useLoaded(load, useThrottled(shown.current, REFRESH));
}

async function read(
  model: LeptonModel,
  run: IRun,
  before: IHistory | undefined
): Promise<IHistory> {
  const all = path`runs/${run.ref}/history`;
  const length = Math.max(
    0,
    ...Object.values(before?.series ?? {}).map(series => series.step.length)
  );
  if (!before || length > MOST_POINTS) {
    return model.client.get<IHistory>(all, { points: POINTS });
  }
  return extend(
    before,
    await model.client.get<IHistory>(all, { points: POINTS, after: before.cursor })
  );
}
