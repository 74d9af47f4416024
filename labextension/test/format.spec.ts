import * as format from '../src/model/format';

describe('numbers as people read them', () => {
  it.each([
    [0, '0 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [3 * 86400 + 4 * 3600, '3 d 4 h'],
    [null, '–']
  ])('duration of %s is %s', (seconds, text) => {
    expect(format.duration(seconds)).toBe(text);
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

  it.each([
    [999, '999 B'],
    [1_500_000, '1.5 MB'],
    [80e9, '80 GB']
  ])('%s bytes are %s', (value, text) => {
    expect(format.bytes(value)).toBe(text);
  });

  it('shows rates and latencies without noise', () => {
    expect(format.rate(0.04)).toBe('0/s');
    expect(format.rate(1240.4)).toBe('1,240/s');
    expect(format.milliseconds(1.234)).toBe('1.2 ms');
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
