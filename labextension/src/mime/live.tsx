import type { ISessionContext } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { useModel } from '../common/hooks';
import { Loading } from '../common/notice';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import type { LeptonModel } from '../model/lepton';
import { PanelPlace } from './place';
import type { IServiceBundle } from './types';

export interface ILive<T> {
  bundle: T;
  model: LeptonModel;
  commands: CommandRegistry;
  /** Of the notebook that shows it. */
  session: ISessionContext | undefined;
  isShown: boolean;
}

/** A service: its live panel; else what it is doing now, how it is asked, and a way to open it through Jupyter. */
export function LiveService(props: ILive<IServiceBundle>): React.ReactElement {
  const { bundle, model, commands } = props;
  const { name } = bundle;
  const trans = useTrans();
  useModel(model, 'deployments', 'status');
  const service = model.deployment(name);
  const now =
    model.status === 'loading' ? (
      <Loading rows={1} />
    ) : (
      <div>
        <div className="lp-View-title">
          <h2>{name}</h2>
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
        {bundle.curl && <pre className="lp-Next">{bundle.curl}</pre>}
      </div>
    );
  return bundle.panel ? (
    <PanelPlace id={bundle.panel} session={props.session}>
      {!bundle.has_card && now}
    </PanelPlace>
  ) : (
    now
  );
}
