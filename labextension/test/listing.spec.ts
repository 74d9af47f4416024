import type { IRun } from '../src/api/types';
import { arrange, DEFAULT_QUERY, type IRunQuery } from '../src/model/listing';
import { aRun } from './support';

const RUNS = [
  aRun({ name: 'cnn', number: 1, created_at: 1, best_value: 0.5, model: 'LeptonCNN' }),
  aRun({
    name: 'cnn',
    number: 2,
    created_at: 3,
    best_value: 0.2,
    status: 'failed',
    model: 'resnet18'
  }),
  aRun({
    name: 'wide',
    created_at: 2,
    data: 'pets',
    tags: { kind: 'baseline' },
    notes: 'Colder start'
  }),
  aRun({ name: 'deep', created_at: 4, best_value: 0.9, mode: 'max', monitor: 'val_accuracy' })
];

function shown(query: Partial<IRunQuery>, runs: IRun[] = RUNS): string[] {
  return arrange(runs, { ...DEFAULT_QUERY, ...query }).map(row =>
    row.kind === 'run' ? row.run.ref : `# ${row.label}`
  );
}

describe('searching', () => {
  it('shows everything, newest first, when nothing is asked', () => {
    expect(shown({})).toEqual(['deep@1', 'cnn@2', 'wide@1', 'cnn@1']);
  });

  it('finds words anywhere, whatever their case, and wants all of them', () => {
    expect(shown({ search: 'CNN resnet' })).toEqual(['cnn@2']);
    expect(shown({ search: 'colder' })).toEqual(['wide@1']);
  });

  it('looks into one field where one is named', () => {
    expect(shown({ search: 'model:resnet' })).toEqual(['cnn@2']);
    expect(shown({ search: 'tag:baseline' })).toEqual(['wide@1']);
    expect(shown({ search: 'data:cnn' })).toEqual([]);
  });

  it('filters by several states at once', () => {
    expect(shown({ statuses: ['failed'] })).toEqual(['cnn@2']);
    expect(shown({ statuses: ['failed', 'finished'] })).toHaveLength(4);
  });
});

describe('sorting', () => {
  it('puts the best first in the sense of each run, and those without a value last', () => {
    expect(shown({ sort: 'best' })).toEqual(['deep@1', 'cnn@2', 'cnn@1', 'wide@1']);
  });

  it('sorts names, and of one name the newest first', () => {
    expect(shown({ sort: 'name' })).toEqual(['cnn@2', 'cnn@1', 'deep@1', 'wide@1']);
  });

  it('leaves the list it was given alone', () => {
    const runs = [...RUNS];
    shown({ sort: 'oldest' }, runs);
    expect(runs).toEqual(RUNS);
  });
});

describe('grouping', () => {
  it('puts runs under headings in the order of their first run', () => {
    expect(shown({ group: 'data' })).toEqual([
      '# digits',
      'deep@1',
      'cnn@2',
      'cnn@1',
      '# pets',
      'wide@1'
    ]);
  });

  it('hides the runs of a collapsed heading, and still counts them', () => {
    const rows = arrange(RUNS, { ...DEFAULT_QUERY, group: 'data' }, new Set(['data:digits']));
    expect(rows.map(row => row.kind)).toEqual(['group', 'group', 'run']);
    expect(rows[0]).toMatchObject({ label: 'digits', count: 3, collapsed: true });
  });
});
