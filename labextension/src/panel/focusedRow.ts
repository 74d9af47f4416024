import * as React from 'react';
import type { Row } from '../model/listing';

export function keyOf(row: Row): string {
  return row.kind === 'group' ? row.key : row.run.id;
}

/**
 * The index of the row that the keyboard is at, and how to go to another. Another `list` is begun at its top.
 *
 * It stays with its run while others come and go above it; where the run itself goes, it is at what took its place.
 */
export function useFocusedRow(
  rows: readonly Row[],
  list: unknown
): [number, (index: number) => void] {
  const [key, setKey] = React.useState<string>();
  const last = React.useRef(0);
  const found = rows.findIndex(row => keyOf(row) === key);
  React.useEffect(() => {
    if (found >= 0) {
      last.current = found;
    }
  }, [found]);
  React.useEffect(() => {
    last.current = 0; // after the effect above, which may have found the run in the new list, too
    setKey(undefined);
  }, [list]);
  const index = found >= 0 ? found : Math.max(0, Math.min(last.current, rows.length - 1));
  return [index, next => setKey(keyOf(rows[next]))];
}
