import type { ITranslator } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { RunStatus } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton, IconButton } from '../common/actionButton';
import { useModel, useSignal } from '../common/hooks';
import { Failure, Loading } from '../common/notice';
import { useTrans } from '../common/translation';
import { Region } from '../common/view';
import { DEFAULT_QUERY, type IRunQuery } from '../model/listing';
import { isActive } from '../model/lepton';
import type { ILepton } from '../tokens';
import { DatasetList } from './datasetList';
import { Filters } from './filters';
import { PackageList } from './packageList';
import { RunList } from './runList';
import { ServiceList } from './serviceList';
import { Tabs } from './tabs';

export const PANEL_ID = 'lepton-panel';
type TabName = 'runs' | 'services' | 'packages' | 'data';

/** The side panel. */
export class LeptonPanel extends Region {
  constructor(
    lepton: ILepton,
    commands: CommandRegistry,
    translator: ITranslator,
    private readonly _save: (query: IRunQuery) => void
  ) {
    super(lepton, commands, translator, PANEL_ID, 'lp-Panel');
    this.title.caption = this.trans.__('Lepton: runs, services, packages and data');
    this.node.setAttribute('aria-label', this.trans.__('Lepton'));
  }

  /** Show what was searched for before. */
  restore(query: Partial<IRunQuery>): void {
    this._query = { ...DEFAULT_QUERY, ...query };
    this.update();
  }

  /** Put the cursor into the search field. */
  focusSearch(): void {
    this.node.querySelector<HTMLInputElement>('.lp-Search input')?.focus();
  }

  /** The keyboard goes to the list, not only the eye. */
  protected onActivateRequest(): void {
    void this.renderPromise?.then(() => {
      const first = this.node.querySelector<HTMLElement>('[role="row"][tabindex="0"]');
      (first ?? this.node.querySelector<HTMLElement>('.lp-Search input'))?.focus();
    });
  }

  protected draw(): React.ReactElement {
    return (
      <Panel
        lepton={this.lepton}
        commands={this.commands}
        isShown={this.isVisible}
        query={this._query}
        onQuery={query => {
          this._save(query);
          this.restore(query);
        }}
      />
    );
  }

  private _query = DEFAULT_QUERY;
}

function Panel(props: {
  lepton: ILepton;
  commands: CommandRegistry;
  isShown: boolean;
  query: IRunQuery;
  onQuery: (query: IRunQuery) => void;
}): React.ReactElement {
  const { lepton, commands, query, onQuery: setQuery } = props;
  const { model } = lepton;
  const trans = useTrans();
  const [tab, setTab] = React.useState<TabName>('runs');
  useModel(model, 'status', 'runs', 'deployments', 'packages', 'datasets');
  const clear = () => setQuery({ ...query, search: '', statuses: [] });
  const list = { model, commands, search: query.search, onClear: clear };
  const active = model.runs.filter(isActive).length;

  return (
    <>
      <div className="lp-Header">
        <h2>{trans.__('Lepton')}</h2>
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          onClick={() => void commands.execute(CommandIDs.refresh)}
        />
      </div>
      <Tabs<TabName>
        label={trans.__('Lepton')}
        current={tab}
        onChange={setTab}
        tabs={[
          ['runs', trans.__('Runs'), active],
          ['services', trans.__('Services'), model.deployments.length],
          ['packages', trans.__('Packages'), 0],
          ['data', trans.__('Data'), 0]
        ]}
      />
      <div className="lp-Search">
        <input
          type="search"
          value={query.search}
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search')}
          onChange={event => setQuery({ ...query, search: event.target.value })}
        />
      </div>
      {model.status === 'offline' && (
        <Failure
          error={model.error ?? trans.__('The Jupyter server cannot be reached; trying again.')}
          retry={() => model.retry()}
        />
      )}
      <div
        role="tabpanel"
        className="lp-TabPanel"
        id={`lp-tabpanel-${tab}`}
        aria-labelledby={`lp-tab-${tab}`}
      >
        {model.status === 'loading' && model.runs.length === 0 ? (
          <Loading rows={5} />
        ) : !props.isShown ? null : tab === 'runs' ? (
          <>
            {model.runs.length > 0 && (
              <Filters query={query} counts={countByStatus(lepton)} onChange={setQuery} />
            )}
            <RunList lepton={lepton} commands={commands} query={query} onClear={clear} />
            <SelectionBar lepton={lepton} commands={commands} />
          </>
        ) : tab === 'services' ? (
          <ServiceList {...list} />
        ) : tab === 'packages' ? (
          <PackageList {...list} />
        ) : (
          <DatasetList
            {...list}
            onShowRuns={name => {
              setQuery({ ...DEFAULT_QUERY, search: `data:${name}` });
              setTab('runs');
            }}
          />
        )}
      </div>
    </>
  );
}

/** What to do with several selected runs. */
function SelectionBar(props: {
  lepton: ILepton;
  commands: CommandRegistry;
}): React.ReactElement | null {
  const { lepton, commands } = props;
  const trans = useTrans();
  useSignal(lepton.selection.changed);
  const refs = [...lepton.selection.refs];
  if (refs.length < 2) {
    return null;
  }
  return (
    <div className="lp-SelectionBar" role="toolbar" aria-label={trans.__('Selected runs')}>
      <span>{trans.__('%1 selected', refs.length)}</span>
      <CommandButton commands={commands} id={CommandIDs.compareRuns} args={{ refs }} text primary />
      <CommandButton commands={commands} id={CommandIDs.deleteRun} args={{ refs }} text />
    </div>
  );
}

function countByStatus(lepton: ILepton): Partial<Record<RunStatus, number>> {
  const counts: Partial<Record<RunStatus, number>> = {};
  for (const run of lepton.model.runs) {
    counts[run.status] = (counts[run.status] ?? 0) + 1;
  }
  return counts;
}
