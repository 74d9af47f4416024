import type { ISessionContext } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { useModel } from '../common/hooks';
import { Loading } from '../common/notice';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import { isActive, type LeptonModel } from '../model/lepton';
import { Curves } from '../views/curves';
import { RunHead } from '../views/runHead';
import { PanelPlace } from './place';
import { FIRST, RunOutput } from './run';
import type { IRunBundle, IServiceBundle } from './types';

interface ILive<T> {
  bundle: T;
  model: LeptonModel;
  commands: CommandRegistry;
  /** Of the notebook that shows it. */
  session: ISessionContext | undefined;
  isShown: boolean;
}

/** A run that had not ended when its cell showed it: its live panel, else what the run store says of it now. */
export function LiveRun(props: ILive<IRunBundle>): React.ReactElement {
  const { bundle, model, commands } = props;
  const trans = useTrans();
  useModel(model, 'runs', 'status');
  const run = model.runs.find(item => item.id === bundle.run.id);
  const now = run ? (
    <section aria-label={trans.__('Run %1', run.ref)}>
      <RunHead run={run} commands={commands} />
      <Curves model={model} runs={[run]} isShown={props.isShown} most={FIRST} />
      <CommandButton commands={commands} id={CommandIDs.openRun} args={{ ref: run.ref }} text />
    </section>
  ) : model.status === 'loading' ? (
    <Loading rows={4} />
  ) : (
    <>
      <p className="lp-Hint">
        {trans.__('%1 is not in this run store. When this was saved:', bundle.run.ref)}
      </p>
      <RunOutput bundle={bundle} />
    </>
  );
  return bundle.panel ? (
    <PanelPlace id={bundle.panel} session={props.session} wanted={!run || isActive(run)}>
      {now}
    </PanelPlace>
  ) : (
    now
  );
}

/** A service: its live panel, else what it is doing now, with a way to open it. */
export function LiveService(props: ILive<IServiceBundle>): React.ReactElement {
  const { bundle, model, commands } = props;
  const { name } = bundle;
  const trans = useTrans();
  useModel(model, 'deployments', 'status');
  const service = model.deployment(name);
  return (
    <PanelPlace id={bundle.panel} session={props.session} wanted>
      <div className="lp-View-title">
        <h4>{name}</h4>
        <StateMark state={service?.state ?? 'gone'} />
        {service ? (
          [CommandIDs.openService, CommandIDs.tryService].map(id => (
            <CommandButton key={id} commands={commands} id={id} args={{ name }} text />
          ))
        ) : (
          <span className="lp-Hint">
            {trans.__('%lepton deploy %1 starts it again under its token.', name)}
          </span>
        )}
      </div>
    </PanelPlace>
  );
}
