import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { RUN_STATES, type RunStatus } from '../api/states';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import type { GroupKey, IRunQuery, SortKey } from '../model/listing';

/** Which runs are shown, in what order, under which headings. */
export function Filters(props: {
  query: IRunQuery;
  counts: Partial<Record<RunStatus, number>>;
  onChange: (query: IRunQuery) => void;
}): React.ReactElement {
  const { query, counts, onChange } = props;
  const trans = useTrans();
  const toggle = (status: RunStatus) => {
    const { statuses } = query;
    onChange({
      ...query,
      statuses: statuses.includes(status)
        ? statuses.filter(item => item !== status)
        : [...statuses, status]
    });
  };
  const present = (Object.keys(RUN_STATES) as RunStatus[]).filter(
    status => counts[status] || query.statuses.includes(status)
  );
  return (
    <div className="lp-Filters">
      <div className="lp-Chips" role="group" aria-label={trans.__('Show only')}>
        {present.map(status => (
          <button
            key={status}
            type="button"
            className="lp-Chip"
            aria-pressed={query.statuses.includes(status)}
            onClick={() => toggle(status)}
          >
            <StateMark state={status} /> <span className="lp-Count">{counts[status] ?? 0}</span>
          </button>
        ))}
      </div>
      <div className="lp-Selects">
        <Select
          label={trans.__('Sort')}
          value={query.sort}
          options={sorts(trans)}
          onChange={sort => onChange({ ...query, sort: sort as SortKey })}
        />
        <Select
          label={trans.__('Group')}
          value={query.group}
          options={groups(trans)}
          onChange={group => onChange({ ...query, group: group as GroupKey })}
        />
      </div>
    </div>
  );
}

function Select(props: {
  label: string;
  value: string;
  options: Record<string, string>;
  onChange: (value: string) => void;
}): React.ReactElement {
  return (
    <label>
      {props.label}
      <select value={props.value} onChange={event => props.onChange(event.target.value)}>
        {Object.entries(props.options).map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function sorts(trans: TranslationBundle): Record<SortKey, string> {
  return {
    newest: trans.__('newest'),
    oldest: trans.__('oldest'),
    name: trans.__('name'),
    best: trans.__('best'),
    longest: trans.__('longest')
  };
}

function groups(trans: TranslationBundle): Record<GroupKey, string> {
  return {
    none: trans.__('none'),
    name: trans.__('name'),
    model: trans.__('model'),
    data: trans.__('data'),
    status: trans.__('status'),
    notebook: trans.__('notebook')
  };
}
