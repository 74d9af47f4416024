import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';
import type { IRun } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { Editable } from '../common/editable';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import { titleOf } from '../model/curves';
import { tagsChange, tagsText } from '../model/tags';
import * as format from '../model/format';
import { isActive } from '../model/lepton';
import { headline, progressText } from '../panel/runRow';

const ACTIONS = [
  CommandIDs.changeRate,
  CommandIDs.pauseRun,
  CommandIDs.resumeRun,
  CommandIDs.stopRun,
  CommandIDs.evaluateRun,
  CommandIDs.deployRun
];

/** Note and tags, which anybody may change at any time. */
function Remarks(props: { run: IRun; commands: CommandRegistry }): React.ReactElement {
  const { run, commands } = props;
  const trans = useTrans();
  const keep = (change: ReadonlyPartialJSONObject) =>
    void commands.execute(CommandIDs.annotateRun, { ref: run.ref, ...change });
  return (
    <div className="lp-Remarks">
      <Editable label={trans.__('Note')} value={run.notes} onChange={notes => keep({ notes })} />
      <Editable
        label={trans.__('Tags, such as baseline, stage=candidate')}
        value={tagsText(run.tags)}
        onChange={text => keep({ tags: tagsChange(run.tags, text) })}
      />
    </div>
  );
}

/** `Best validation accuracy`; without `Best` while nothing is validated. */
function metricTitle(run: IRun): string {
  const words = headline(run).name.replace(/^val_/, 'validation ').replace(/_/g, ' ');
  return titleOf(run.best_value === null ? words : `best ${words}`);
}

/** Name, state, figures and buttons of a run. */
export function RunHead(props: {
  run: IRun;
  /** Absent where nothing can be done with it: a run of another store. */
  commands?: CommandRegistry;
}): React.ReactElement {
  const { run, commands } = props;
  const trans = useTrans();
  const best = headline(run);
  const ref = run.ref;
  const facts: [string, string][] = [
    [metricTitle(run), format.metric(best.value)],
    [trans.__('Epochs'), `${run.epoch} / ${run.epochs}`],
    [trans.__('Steps'), format.count(run.step)],
    [trans.__('Time'), format.duration(run.seconds)],
    ...(isActive(run)
      ? ([
          [trans.__('Left'), format.duration(run.eta)],
          [trans.__('Speed'), format.rate(run.items_per_second)]
        ] as [string, string][])
      : []),
    [trans.__('Model'), run.model],
    [trans.__('Data'), run.data],
    [trans.__('Device'), run.device ?? '–']
  ];
  return (
    <div className="lp-View-head">
      <div className="lp-View-title">
        <h2>{ref}</h2>
        <StateMark state={run.status} />
        <span className="lp-Hint">{progressText(run, trans)}</span>
        {commands && (
          <span className="lp-View-actions">
            {(run.status === 'failed' ? [CommandIDs.resumeRun] : ACTIONS).map(id => (
              <CommandButton
                key={id}
                commands={commands}
                id={id}
                args={{ ref }}
                text
                primary={id === CommandIDs.deployRun}
              />
            ))}
          </span>
        )}
      </div>
      {run.error && (
        <p className="lp-View-error" role="alert">
          {run.error}
        </p>
      )}
      {commands && <Remarks run={run} commands={commands} />}
      <dl className="lp-Facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
