import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { useModel, useSignal } from '../common/hooks';
import { useTrans } from '../common/translation';
import { arrange, type IRunQuery, type Row } from '../model/listing';
import type { ILepton } from '../tokens';
import { keyOf, useFocusedRow } from './focusedRow';
import { openRunMenu } from './menus';
import { NoRuns, NothingFound } from './emptyStates';
import { RunRow } from './runRow';

const RUN_HEIGHT = 66;
const GROUP_HEIGHT = 28;

/** All runs. Only the rows in sight are drawn, so a thousand scroll like ten. */
export function RunList(props: {
  lepton: ILepton;
  commands: CommandRegistry;
  query: IRunQuery;
  onClear: () => void;
}): React.ReactElement {
  const { lepton, commands, query } = props;
  const { model, selection } = lepton;
  const trans = useTrans();
  useModel(model, 'runs');
  useSignal(selection.changed);
  const [collapsed, setCollapsed] = React.useState<ReadonlySet<string>>(new Set());
  const box = React.useRef<HTMLDivElement>(null);
  const anchor = React.useRef(0);
  const seeking = React.useRef<string>(); // the row that the keyboard has gone to
  const { runs } = model;
  const rows = React.useMemo(() => arrange(runs, query, collapsed), [runs, query, collapsed]);
  const [focus, setFocus] = useFocusedRow(rows, query);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: index => (rows[index].kind === 'group' ? GROUP_HEIGHT : RUN_HEIGHT),
    getItemKey: index => keyOf(rows[index]),
    // A row that leaves the page takes the focus, and with it the keyboard's place, away.
    rangeExtractor: range => [...new Set([focus, ...defaultRangeExtractor(range)])].sort(ascending),
    overscan: 6
  });
  React.useEffect(() => virtual.measure(), [virtual, rows]);
  React.useEffect(() => {
    box.current?.scrollTo({ top: 0 }); // another question, another list
  }, [query]);
  React.useEffect(() => {
    // An effect of a drawing before the key may come after it: its row is another.
    if (!rows[focus] || seeking.current !== keyOf(rows[focus])) {
      return;
    }
    const sought = `[role="row"][aria-rowindex="${focus + 1}"]`;
    const node = box.current?.querySelector<HTMLElement>(sought);
    if (node) {
      seeking.current = undefined;
      node.focus({ preventScroll: true });
    }
  });

  if (runs.length === 0) {
    return <NoRuns commands={commands} />;
  }
  if (rows.length === 0) {
    return <NothingFound onClear={props.onClear} />;
  }

  const toggle = (key: string) => {
    const next = new Set(collapsed);
    if (!next.delete(key)) {
      next.add(key);
    }
    setCollapsed(next);
  };

  const pick = (index: number, how: 'one' | 'toggle' | 'range') => {
    const row = rows[index];
    if (row.kind === 'group') {
      return toggle(row.key);
    }
    if (how === 'toggle') {
      selection.toggle(row.run.ref);
    } else if (how === 'range') {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      selection.set(
        rows.slice(from, to + 1).flatMap(item => (item.kind === 'run' ? item.run.ref : []))
      );
    } else {
      selection.set([row.run.ref]);
    }
    if (how !== 'range') {
      anchor.current = index;
    }
    setFocus(index);
  };

  const moveTo = (index: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    if (next !== focus) {
      seeking.current = keyOf(rows[next]);
      setFocus(next);
      virtual.scrollToIndex(next);
    }
  };

  const menuOf = (index: number, at: { clientX: number; clientY: number }) => {
    const row = rows[index];
    if (row.kind === 'run') {
      if (!selection.has(row.run.ref)) {
        pick(index, 'one');
      }
      openRunMenu(commands, trans, row.run, selection.refs, at);
    }
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (!(event.target as HTMLElement).matches('[role="row"]')) {
      return; // a button in the row has the key
    }
    const row = rows[focus];
    const keys: Record<string, () => void> = {
      ArrowDown: () => moveTo(focus + 1),
      ArrowUp: () => moveTo(focus - 1),
      PageDown: () => moveTo(focus + 10),
      PageUp: () => moveTo(focus - 10),
      Home: () => moveTo(0),
      End: () => moveTo(rows.length - 1),
      ' ': () => pick(focus, row.kind === 'run' ? 'toggle' : 'one'),
      Enter: () =>
        row.kind === 'run'
          ? void commands.execute(CommandIDs.openRun, { ref: row.run.ref })
          : toggle(row.key),
      ContextMenu: () => menuOf(focus, pointAt(event.target as HTMLElement)),
      Delete: () => {
        const refs =
          row.kind === 'run' && !selection.has(row.run.ref) ? [row.run.ref] : [...selection.refs];
        if (refs.length && commands.isEnabled(CommandIDs.deleteRun, { refs })) {
          void commands.execute(CommandIDs.deleteRun, { refs });
        }
      }
    };
    const act = event.shiftKey && event.key === 'F10' ? keys.ContextMenu : keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  };

  return (
    <div className="lp-Scroll" ref={box}>
      <div
        role="treegrid"
        tabIndex={-1}
        aria-label={trans.__('Runs')}
        aria-rowcount={rows.length}
        aria-multiselectable="true"
        onKeyDown={onKeyDown}
        onFocus={event => {
          const row = event.target.closest('[role="row"]');
          if (row) {
            setFocus(Number(row.getAttribute('aria-rowindex')) - 1);
          }
        }}
        style={{ height: virtual.getTotalSize(), position: 'relative' }}
      >
        {virtual.getVirtualItems().map(({ index, key, start, size }) => {
          const row = rows[index];
          return (
            <div
              key={key}
              role="presentation"
              className="lp-Virtual"
              style={{ height: size, transform: `translateY(${start}px)` }}
            >
              {row.kind === 'group' ? (
                <GroupRow
                  row={row}
                  index={index}
                  focused={index === focus}
                  onToggle={() => pick(index, 'one')}
                />
              ) : (
                <RunRow
                  run={row.run}
                  commands={commands}
                  index={index}
                  level={query.group === 'none' ? 1 : 2}
                  selected={selection.has(row.run.ref)}
                  focused={index === focus}
                  onPick={event =>
                    pick(
                      index,
                      event.shiftKey ? 'range' : event.ctrlKey || event.metaKey ? 'toggle' : 'one'
                    )
                  }
                  onMenu={at => menuOf(index, at)}
                />
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function GroupRow(props: {
  row: Extract<Row, { kind: 'group' }>;
  index: number;
  focused: boolean;
  onToggle: () => void;
}): React.ReactElement {
  const { row } = props;
  const Caret = row.collapsed ? caretRightIcon : caretDownIcon;
  return (
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      className="lp-Group"
      role="row"
      aria-rowindex={props.index + 1}
      aria-level={1}
      aria-expanded={!row.collapsed}
      tabIndex={props.focused ? 0 : -1}
      onClick={props.onToggle}
    >
      <span role="gridcell">
        <Caret.react tag="span" aria-hidden="true" />
        <span className="lp-Group-label">{row.label}</span>
        <span className="lp-Count">{row.count}</span>
      </span>
    </div>
  );
}

function ascending(a: number, b: number): number {
  return a - b;
}

function pointAt(node: HTMLElement): { clientX: number; clientY: number } {
  const { left, bottom } = node.getBoundingClientRect();
  return { clientX: left + 24, clientY: bottom - 8 };
}
