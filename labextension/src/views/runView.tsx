import type { ITranslator } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IRun } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { useModel } from '../common/hooks';
import { Failure, Loading } from '../common/notice';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import { TabbedView } from '../common/view';
import * as format from '../model/format';
import { isActive, type LeptonModel } from '../model/lepton';
import { headline } from '../panel/runRow';
import { Tabs } from '../panel/tabs';
import type { ILepton } from '../tokens';
import { StoredCurves } from './curves';
import { Evaluations } from './evaluations';
import { Hardware } from './hardware';
import { LogTail } from './log';
import { RunHead } from './runHead';
import { Checkpoints, Settings, Source } from './runTables';
import { colour } from './theme';
import { useDetails, useRunRows } from './useRuns';

export type RunTab =
  'curves' | 'settings' | 'evaluation' | 'hardware' | 'checkpoints' | 'source' | 'log';

/** One run, or several laid over each other, in the main area. */
export class RunView extends TabbedView<RunTab> {
  constructor(
    lepton: ILepton,
    commands: CommandRegistry,
    translator: ITranslator,
    readonly refs: readonly string[],
    tab: RunTab = 'curves'
  ) {
    super(lepton, commands, translator, RunView.idOf(refs), tab);
    const label = refs.length > 2 ? this.trans.__('%1 runs', refs.length) : refs.join(' · ');
    this.named(label, refs.join(', '));
  }

  static idOf(refs: readonly string[]): string {
    return `lepton-run-${refs.join('-')}`;
  }

  protected draw(): React.ReactElement {
    return <View {...this.frame} refs={this.refs} />;
  }
}

function View(props: {
  model: LeptonModel;
  commands: CommandRegistry;
  refs: readonly string[];
  tab: RunTab;
  onTab: (tab: RunTab) => void;
  isShown: boolean;
  prefix: string;
}): React.ReactElement {
  const { model, commands, tab, prefix } = props;
  const trans = useTrans();
  useModel(model, 'status');
  const runs = useRunRows(model, props.refs);
  const details = useDetails(model, runs);

  if (runs.length === 0) {
    return model.status === 'loading' ? (
      <Loading rows={6} />
    ) : (
      <p className="lp-Hint">
        {trans.__('%1 is not in the run store any more.', props.refs.join(', '))}
      </p>
    );
  }
  const single = runs.length === 1;
  const tabs: [RunTab, string, number][] = [
    ['curves', trans.__('Curves'), 0],
    ['settings', single ? trans.__('Settings') : trans.__('Differences'), 0],
    ['evaluation', trans.__('Evaluation'), 0],
    ['hardware', trans.__('Hardware'), 0]
  ];
  if (single) {
    tabs.push(
      ['checkpoints', trans.__('Checkpoints'), 0],
      ['source', trans.__('Source'), 0],
      ['log', trans.__('Log'), 0]
    );
  }
  const shown = tabs.some(([name]) => name === tab) ? tab : 'curves';
  return (
    <>
      {single ? (
        <RunHead run={runs[0]} commands={commands} />
      ) : (
        <Legend runs={runs} commands={commands} />
      )}
      <Tabs
        label={trans.__('Views')}
        current={shown}
        tabs={tabs}
        onChange={props.onTab}
        prefix={prefix}
      />
      <div
        role="tabpanel"
        className="lp-View-body"
        id={`${prefix}-tabpanel-${shown}`}
        aria-labelledby={`${prefix}-tab-${shown}`}
      >
        {shown === 'curves' ? (
          <StoredCurves model={model} runs={runs} isShown={props.isShown} />
        ) : shown === 'hardware' ? (
          <Hardware model={model} runs={runs} />
        ) : shown === 'log' ? (
          <LogTail
            client={model.client}
            of={{ run: runs[0].ref }}
            isLive={props.isShown && isActive(runs[0])}
          />
        ) : details.state === 'failed' && !details.value ? (
          <Failure error={details.error} retry={details.reload} />
        ) : !details.value ? (
          <Loading rows={6} />
        ) : shown === 'settings' ? (
          <Settings details={details.value} />
        ) : shown === 'evaluation' ? (
          <Evaluations details={details.value} commands={commands} />
        ) : shown === 'checkpoints' ? (
          <Checkpoints detail={details.value[0]} />
        ) : (
          <Source detail={details.value[0]} />
        )}
      </div>
    </>
  );
}

/** Which colour is which run. */
function Legend(props: { runs: IRun[]; commands: CommandRegistry }): React.ReactElement {
  const trans = useTrans();
  return (
    <div className="lp-View-head">
      <div className="lp-View-title">
        <h2>{trans.__('%1 runs', props.runs.length)}</h2>
      </div>
      <ul className="lp-Legend">
        {props.runs.map((run, index) => {
          const best = headline(run);
          return (
            <li key={run.id}>
              <i style={{ background: colour(index) }} aria-hidden="true" />
              <button
                type="button"
                className="lp-Link"
                onClick={() => void props.commands.execute(CommandIDs.openRun, { ref: run.ref })}
              >
                {run.ref}
              </button>
              <StateMark state={run.status} short />
              <span className="lp-Hint">
                {best.name.replace(/_/g, ' ')} {format.metric(best.value)}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
