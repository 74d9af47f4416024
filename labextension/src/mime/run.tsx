import * as React from 'react';
import type { IHistory } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { useLasting, useModel, type Loaded } from '../common/hooks';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { isActive } from '../model/lepton';
import { Curves } from '../views/curves';
import { RunHead } from '../views/runHead';
import { useHistories } from '../views/useRuns';
import type { ILive } from './live';
import { PanelPlace } from './place';
import type { IRunBundle } from './types';

const PATIENCE = 3000; // milliseconds in which the server hears of a new run

/**
 * A run in a notebook, in training or ended: as the run store knows it now, with its controls. A run of another
 * store is drawn as its cell left it, or by the panel of its kernel.
 */
export function RunOutput(props: ILive<IRunBundle>): React.ReactElement {
  const { bundle, model, commands } = props;
  const trans = useTrans();
  useModel(model, 'runs', 'status');
  const stored = model.runs.find(item => item.id === bundle.run.id);
  const run = stored ?? bundle.run;
  const read = useHistories(model, stored ? [stored] : [], props.isShown);
  const kept = React.useMemo(() => historyOf(bundle), [bundle]);
  const isMissing = useLasting(
    !stored && model.status !== 'loading' && isActive(bundle.run),
    PATIENCE
  );
  const histories: Loaded<IHistory[]> =
    read.value?.length || !Object.keys(kept.series).length
      ? read
      : { state: 'ready', value: [kept] };
  const isRecord = !stored || (stored.status === bundle.run.status && !isActive(stored));
  const drawn = (
    <section aria-label={trans.__('Run %1', run.ref)}>
      {isMissing && (
        <p className="lp-Hint">
          {trans.__('%1 is not in this run store. When this was saved:', run.ref)}
        </p>
      )}
      <RunHead run={run} commands={stored && commands} />
      <Curves runs={[run]} histories={histories} />
      <Record bundle={bundle} error={run.error} isWhole={isRecord} />
      {stored && (
        <CommandButton commands={commands} id={CommandIDs.openRun} args={{ ref: run.ref }} text />
      )}
    </section>
  );
  return bundle.panel && isMissing ? (
    <PanelPlace id={bundle.panel} session={props.session}>
      {drawn}
    </PanelPlace>
  ) : (
    drawn
  );
}

/** What the cell told beside: the settings; and while nothing has changed since, notes and the next lines. */
function Record(props: {
  bundle: IRunBundle;
  error: string | null;
  isWhole: boolean;
}): React.ReactElement {
  const { summary, config, next } = props.bundle;
  const trans = useTrans();
  const told = summary.filter(([, text]) => text !== props.error);
  return (
    <>
      {props.isWhole && told.length > 0 && (
        <table className="lp-Table">
          <Rows rows={told} />
        </table>
      )}
      <details className="lp-Details">
        <summary>{trans.__('Settings')}</summary>
        <table className="lp-Table">
          <Rows rows={Object.entries(config)} />
        </table>
      </details>
      {props.isWhole && next.length > 0 && <pre className="lp-Next">{next.join('\n')}</pre>}
    </>
  );
}

function Rows(props: { rows: [string, unknown][] }): React.ReactElement {
  return (
    <tbody>
      {props.rows.map(([name, value]) => (
        <tr key={`${name} ${String(value)}`}>
          <th scope="row">{name}</th>
          <td>{format.setting(value)}</td>
        </tr>
      ))}
    </tbody>
  );
}

function historyOf({ run, series, steps_per_epoch }: IRunBundle): IHistory {
  const kept = Object.entries(series).map(([name, { step, value }]) => [
    name,
    { step, value, epoch: [], time: [] }
  ]);
  return { step: run.step, cursor: '', steps_per_epoch, series: Object.fromEntries(kept) };
}
