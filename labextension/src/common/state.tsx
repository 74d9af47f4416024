import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { RUN_STATES, type RunStatus } from '../api/states';
import type { DeploymentState } from '../api/types';
import { useTrans } from './translation';

export type State = RunStatus | DeploymentState;
type Kind = 'live' | 'waiting' | 'queued' | 'good' | 'off' | 'bad';

const STATES: Record<State, { word: string; kind: Kind }> = {
  ...RUN_STATES,
  ready: { word: 'Ready', kind: 'good' },
  starting: { word: 'Starting', kind: 'live' },
  recovering: { word: 'Recovering', kind: 'waiting' },
  failing: { word: 'Failing', kind: 'bad' },
  draining: { word: 'Draining', kind: 'waiting' },
  unreachable: { word: 'Unreachable', kind: 'bad' },
  gone: { word: 'Not running', kind: 'off' }
};

// A shape of its own for each kind: colour alone tells nothing to many.
const SHAPES: Record<Kind, React.ReactElement> = {
  live: <circle cx="6" cy="6" r="4.500" />,
  waiting: <path d="M2.500 2h2.600v8H2.500zM6.900 2h2.600v8H6.900z" />,
  queued: (
    <path
      d="M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1zm0 1.400a3.600 3.600 0 1 1 0 7.200 3.600 3.600 0 0 1 0-7.200zm-.600 1.300v2.700l2 1.300.700-1-1.500-1V3.700z"
      fillRule="evenodd"
    />
  ),
  good: <path d="M1.500 6.300 3 4.800l1.900 1.900L9.200 2.400l1.400 1.500-5.700 5.700z" />,
  off: <path d="M2.500 2.500h7v7h-7z" />,
  bad: (
    <path
      d="M6 1l5.500 10H.5zM5.400 4.600v3h1.200v-3zm0 3.700v1.300h1.200V8.300z"
      fillRule="evenodd"
    />
  )
};

export function stateLabel(state: State, trans: TranslationBundle): string {
  return state in STATES ? trans.__(STATES[state].word) : state;
}

/** What state a thing is in, as a shape, a colour and, unless `short`, a word. */
export function StateMark(props: { state: State; short?: boolean }): React.ReactElement {
  const label = stateLabel(props.state, useTrans());
  const kind = STATES[props.state]?.kind ?? 'off';
  return (
    <span className="lp-State" data-kind={kind} data-state={props.state} title={label}>
      <svg
        viewBox="0 0 12 12"
        {...(props.short ? { role: 'img', 'aria-label': label } : { 'aria-hidden': true })}
      >
        {SHAPES[kind]}
      </svg>
      {!props.short && label}
    </span>
  );
}
