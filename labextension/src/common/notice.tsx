import * as React from 'react';
import { explain } from '../api/client';
import { useTrans } from './translation';

/** What went wrong, and a way to try again. */
export function Failure(props: { error: unknown; retry?: () => void }): React.ReactElement {
  const trans = useTrans();
  return (
    <div className="lp-Failure" role="alert">
      <p>{explain(props.error)}</p>
      {props.retry && (
        <button type="button" className="lp-Button" onClick={props.retry}>
          {trans.__('Try Again')}
        </button>
      )}
    </div>
  );
}

/** Grey bars where rows will stand. */
export function Loading(props: { rows?: number }): React.ReactElement {
  const trans = useTrans();
  return (
    <div className="lp-Loading" role="status">
      <span className="lp-Spoken">{trans.__('Loading')}</span>
      {Array.from({ length: props.rows ?? 3 }, (_, index) => (
        <div key={index} className="lp-Loading-row" aria-hidden="true" />
      ))}
    </div>
  );
}

/** Nothing there yet: what would be here, and the line that makes one. */
export function Empty(props: {
  title: string;
  children: React.ReactNode;
  code?: string;
  action?: React.ReactNode;
}): React.ReactElement {
  return (
    <div className="lp-Empty">
      <h3>{props.title}</h3>
      <p>{props.children}</p>
      {props.code && (
        // Long lines scroll, so the keyboard must reach it.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre tabIndex={0}>{props.code}</pre>
      )}
      {props.action}
    </div>
  );
}
