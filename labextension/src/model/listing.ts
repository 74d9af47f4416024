import type { IRun } from '../api/types';

/** How the list of runs is searched, filtered, sorted and grouped. Plain JSON, so that it can be saved. */
export interface IRunQuery {
  search: string;
  /** Only these; all where empty. */
  statuses: string[];
  sort: SortKey;
  group: GroupKey;
}

export type SortKey = 'newest' | 'oldest' | 'name' | 'best' | 'longest';
export type GroupKey = 'none' | 'name' | 'model' | 'data' | 'status' | 'notebook';

export const DEFAULT_QUERY: IRunQuery = { search: '', statuses: [], sort: 'newest', group: 'none' };

export type Row =
  | { kind: 'group'; key: string; label: string; count: number; collapsed: boolean }
  | { kind: 'run'; run: IRun };

const FIELDS = ['name', 'model', 'data', 'task', 'status', 'notebook', 'device'] as const;
type Field = (typeof FIELDS)[number];

/** The rows to show, in order: runs, and the headings of their groups. */
export function arrange(
  runs: readonly IRun[],
  query: IRunQuery,
  collapsed: ReadonlySet<string> = new Set()
): Row[] {
  const found = sorted(runs.filter(matcher(query)), query.sort);
  if (query.group === 'none') {
    return found.map(run => ({ kind: 'run', run }));
  }
  const groups = new Map<string, IRun[]>();
  for (const run of found) {
    const label = run[query.group] || '–';
    groups.set(label, [...(groups.get(label) ?? []), run]);
  }
  const rows: Row[] = [];
  for (const [label, members] of groups) {
    const key = `${query.group}:${label}`;
    rows.push({ kind: 'group', key, label, count: members.length, collapsed: collapsed.has(key) });
    if (!collapsed.has(key)) {
      rows.push(...members.map(run => ({ kind: 'run', run }) as const));
    }
  }
  return rows;
}

/**
 * Whether a run is wanted. Every word of the search must be found; `model:resnet` looks into one field
 * only, `tag:baseline` into the tags.
 */
function matcher(query: IRunQuery): (run: IRun) => boolean {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  return run =>
    (query.statuses.length === 0 || query.statuses.includes(run.status)) &&
    words.every(word => holds(run, word));
}

function holds(run: IRun, word: string): boolean {
  const [, field, wanted] = /^(\w+):(.+)$/.exec(word) ?? [];
  if (field === 'tag') {
    return tags(run).includes(wanted);
  }
  if (FIELDS.includes(field as Field)) {
    return text(run[field as Field]).includes(wanted);
  }
  const all = [run.ref, run.notes, tags(run), ...FIELDS.map(name => run[name])];
  return all.some(value => text(value).includes(word));
}

function text(value: string | null | undefined): string {
  return (value ?? '').toLowerCase();
}

function tags(run: IRun): string {
  return Object.entries(run.tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')
    .toLowerCase();
}

function sorted(runs: IRun[], key: SortKey): IRun[] {
  const newest = (a: IRun, b: IRun) => b.created_at - a.created_at;
  switch (key) {
    case 'newest':
      return runs.sort(newest);
    case 'oldest':
      return runs.sort((a, b) => -newest(a, b));
    case 'name':
      return runs.sort((a, b) => a.name.localeCompare(b.name) || b.number - a.number);
    case 'longest':
      return runs.sort((a, b) => b.seconds - a.seconds || newest(a, b));
    case 'best':
      return runs.sort((a, b) => rank(a) - rank(b) || newest(a, b));
  }
}

/** Lower is better; runs without a value come last. Only runs with one monitored metric compare well. */
function rank(run: IRun): number {
  if (run.best_value === null) {
    return Infinity;
  }
  return run.mode === 'max' ? -run.best_value : run.best_value;
}
