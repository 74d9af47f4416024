import { tagsChange, tagsText } from '../src/model/tags';

it('writes tags as the command line takes them, and reads them again', () => {
  const tags = { baseline: '', stage: 'candidate' };
  expect(tagsText(tags)).toBe('baseline, stage=candidate');
  expect(tagsChange({}, tagsText(tags))).toEqual(tags);
});

it('takes away what the text no longer names', () => {
  expect(tagsChange({ baseline: '', stage: 'old' }, ' stage = new ,, ')).toEqual({
    baseline: null,
    stage: 'new'
  });
});
