import * as React from 'react';

/** Tabs as the ARIA practices have them: arrows move, Tab leaves. */
export function Tabs<Name extends string>(props: {
  label: string;
  current: Name;
  /** Name, label, and a count that is shown unless it is 0. */
  tabs: readonly (readonly [Name, string, number])[];
  onChange: (name: Name) => void;
  prefix?: string;
}): React.ReactElement {
  const { tabs, current } = props;
  const prefix = props.prefix ?? 'lp';
  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>) => {
    const index = tabs.findIndex(([name]) => name === current);
    const moves: Record<string, number> = {
      ArrowRight: index + 1,
      ArrowLeft: index - 1,
      Home: 0,
      End: tabs.length - 1
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      const [name] = tabs[(to + tabs.length) % tabs.length];
      props.onChange(name);
      document.getElementById(`${prefix}-tab-${name}`)?.focus();
    }
  };
  return (
    <div className="lp-Tabs" role="tablist" aria-label={props.label}>
      {tabs.map(([name, label, count]) => (
        <button
          key={name}
          id={`${prefix}-tab-${name}`}
          type="button"
          role="tab"
          aria-selected={name === current}
          aria-controls={name === current ? `${prefix}-tabpanel-${name}` : undefined}
          tabIndex={name === current ? 0 : -1}
          onClick={() => props.onChange(name)}
          onKeyDown={onKeyDown}
        >
          {label}
          {count > 0 && <span className="lp-Badge">{count}</span>}
        </button>
      ))}
    </div>
  );
}
