import type { IHistory, ISeries } from '../src/api/types';
import { along, axesOf, chartsOf, diffOf, extend, smooth } from '../src/model/curves';

function series(value: number[], first = 1): ISeries {
  const step = value.map((_, index) => first + index);
  return { step, epoch: step, value, time: step.map(number => 100 + number) };
}

const HISTORY: IHistory = {
  step: 2,
  cursor: '2:102',
  series: {
    loss: series([3, 2]),
    val_loss: series([4]),
    accuracy: series([0.5]),
    lr: series([0.1])
  }
};

describe('charts', () => {
  it('puts a metric and its held-out twin together, the loss and the monitored one first', () => {
    expect(chartsOf([HISTORY], 'val_accuracy')).toEqual([
      ['loss', 'val_loss'],
      ['accuracy'],
      ['lr']
    ]);
  });

  it('runs along epochs, steps, the seconds since the first point of the run, or the time of day', () => {
    expect(along(HISTORY, 'loss', 'step')).toEqual([1, 2]);
    expect(along(HISTORY, 'loss', 'time')).toEqual([0, 1]);
    expect(along(HISTORY, 'loss', 'clock')).toEqual([101, 102]);
    expect(along({ ...HISTORY, steps_per_epoch: 4 }, 'loss', 'epoch')).toEqual([0.25, 0.5]);
    expect(axesOf([HISTORY])).toEqual(['epoch', 'step', 'time', 'clock']);
  });

  it('runs along steps where a notebook kept no times, and no length of an epoch', () => {
    const { step, value } = HISTORY.series.loss;
    const kept = { ...HISTORY, series: { loss: { step, value, epoch: [], time: [] } } };
    expect(along(kept, 'loss', 'epoch')).toEqual([1, 2]);
    expect(axesOf([kept])).toEqual(['epoch', 'step']);
  });

  it('adds what came since', () => {
    const longer = extend(HISTORY, {
      step: 4,
      cursor: '4:104',
      series: { loss: series([1, 0.5], 3), new: series([7], 4) }
    });
    expect(longer.step).toBe(4);
    expect(longer.cursor).toBe('4:104');
    expect(longer.series.loss.value).toEqual([3, 2, 1, 0.5]);
    expect(longer.series.new.value).toEqual([7]);
    expect(longer.series.lr).toBe(HISTORY.series.lr);
  });
});

describe('smoothing', () => {
  it('leaves a constant as it is from its first point on', () => {
    smooth([2, 2, 2], 0.9).forEach(value => expect(value).toBeCloseTo(2));
  });

  it('keeps gaps, and the values where nothing is smoothed', () => {
    expect(smooth([1, null, 3], 0)).toEqual([1, null, 3]);
    expect(smooth([1, null, 3], 0.5)[1]).toBeNull();
  });

  it('lies between the values it averages', () => {
    const [, second] = smooth([0, 1], 0.5);
    expect(second).toBeCloseTo(2 / 3); // (0.5 · 0 + 1) · 0.5 / (1 − 0.25)
  });
});

it('tells which settings differ, a missing one too', () => {
  expect(
    diffOf([
      { lr: 0.1, seed: 0 },
      { lr: 0.2, seed: 0, augment: true }
    ])
  ).toEqual([
    { name: 'augment', values: [undefined, true], differs: true },
    { name: 'lr', values: [0.1, 0.2], differs: true },
    { name: 'seed', values: [0, 0], differs: false }
  ]);
});
