import * as React from 'react';
import type { ISignal } from '@lumino/signaling';
import type { LeptonModel, Topic } from '../model/lepton';

/** Draw again when one of these parts of the state changes. */
export function useModel(model: LeptonModel, ...topics: Topic[]): void {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  const wanted = topics.join(' ');
  React.useEffect(() => {
    const names = wanted.split(' ');
    const slot = (_: unknown, topic: Topic) => {
      if (names.includes(topic)) {
        redraw();
      }
    };
    model.changed.connect(slot);
    redraw(); // what changed between drawing and connecting
    return () => {
      model.changed.disconnect(slot);
    };
  }, [model, wanted]);
}

/** Draw again at every emission. */
export function useSignal(signal: ISignal<unknown, unknown>): void {
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const slot = () => redraw();
    signal.connect(slot);
    return () => {
      signal.disconnect(slot);
    };
  }, [signal]);
}

export type Loaded<T> =
  | { state: 'loading'; value: T | null }
  | { state: 'ready'; value: T }
  | { state: 'failed'; value: T | null; error: unknown };

/**
 * What `load` resolves to, loaded again whenever `key` changes.
 *
 * The value of before stays while a newer one loads; an answer that comes too late is dropped.
 */
export function useLoaded<T>(load: () => Promise<T>, key: string): Loaded<T> & { reload(): void } {
  const [loaded, setLoaded] = React.useState<Loaded<T>>({ state: 'loading', value: null });
  const [attempt, again] = React.useReducer((count: number) => count + 1, 0);
  const latest = React.useRef(load);
  latest.current = load;
  React.useEffect(() => {
    let current = true;
    latest.current().then(
      value => current && setLoaded({ state: 'ready', value }),
      error => current && setLoaded(before => ({ state: 'failed', value: before.value, error }))
    );
    return () => {
      current = false;
    };
  }, [key, attempt]);
  return { ...loaded, reload: again };
}

/** Whether `holds` has held for so long without a break. */
export function useLasting(holds: boolean, milliseconds: number): boolean {
  const [lasts, setLasts] = React.useState(false);
  React.useEffect(() => {
    const timer = window.setTimeout(() => setLasts(holds), holds ? milliseconds : 0);
    return () => window.clearTimeout(timer);
  }, [holds, milliseconds]);
  return lasts && holds;
}

/** `value`, at most once in `milliseconds`: the first at once, the last for certain. */
export function useThrottled<T>(value: T, milliseconds: number): T {
  const [shown, setShown] = React.useState(value);
  const last = React.useRef(0);
  React.useEffect(() => {
    const wait = Math.max(0, last.current + milliseconds - Date.now());
    const timer = window.setTimeout(() => {
      last.current = Date.now();
      setShown(value);
    }, wait);
    return () => window.clearTimeout(timer);
  }, [value, milliseconds]);
  return shown;
}
