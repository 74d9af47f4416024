import * as format from '../src/model/format';
import spelling from './spelling.json';

declare const __dirname: string;
const { readFileSync } = jest.requireActual<{ readFileSync(file: string, code: string): string }>(
  'fs'
);
const script = readFileSync(`${__dirname}/../../lepton_nb/widgets/elements.js`, 'utf-8');
const panels = new Function(`${script}; return { duration, bytes };`)();

describe('numbers as people read them', () => {
  it.each([
    ['the lab', format],
    ['the panels', panels]
  ])('%s spells durations and sizes as Python does', (_, spelled) => {
    for (const [seconds, text] of spelling.durations as [number, string][]) {
      expect(spelled.duration(seconds)).toBe(text);
    }
    for (const [count, text] of spelling.sizes as [number, string][]) {
      expect(spelled.bytes(count)).toBe(text);
    }
  });

  it('tells what is not known by a dash', () => {
    expect(format.duration(null)).toBe('–');
    expect(format.bytes(undefined)).toBe('–');
  });

  it.each([
    [0.912345, '0.9123'],
    [0, '0'],
    [0.00012, '1.20e-4'],
    [12345.6, '12,346'],
    [NaN, '–']
  ])('metric %s is %s', (value, text) => {
    expect(format.metric(value)).toBe(text);
  });

  it('shows rates and latencies without noise', () => {
    expect(format.rate(0.04)).toBe('0/s');
    expect(format.rate(1240.4)).toBe('1,240/s');
    expect(format.milliseconds(1.234)).toBe('1.23 ms');
    expect(format.milliseconds(2500)).toBe('2.5 s');
  });

  it('says how long ago in words', () => {
    const now = 1_000_000_000;
    const ago = (seconds: number) => format.ago(now / 1000 - seconds, now, 'en');
    expect(ago(5)).toBe('now');
    expect(ago(300)).toBe('5 min. ago');
    expect(ago(86400)).toBe('yesterday');
  });
});
