import { ellipsesIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IDeployment } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton, IconButton } from '../common/actionButton';
import { useModel } from '../common/hooks';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import type { LeptonModel } from '../model/lepton';
import { NoServices, NothingFound } from './emptyStates';
import { openServiceMenu } from './menus';

/** What is being served: where, how well, and which version. */
export function ServiceList(props: {
  model: LeptonModel;
  commands: CommandRegistry;
  search: string;
  onClear: () => void;
}): React.ReactElement {
  const { model, commands } = props;
  const trans = useTrans();
  useModel(model, 'deployments');
  if (model.deployments.length === 0) {
    return <NoServices />;
  }
  const found = model.deployments.filter(item =>
    `${item.name} ${item.package} ${item.state}`.toLowerCase().includes(props.search.toLowerCase())
  );
  if (found.length === 0) {
    return <NothingFound onClear={props.onClear} />;
  }
  return (
    <ul className="lp-Scroll lp-List" aria-label={trans.__('Services')}>
      {found.map(item => (
        <ServiceRow key={item.name} service={item} commands={commands} />
      ))}
    </ul>
  );
}

function ServiceRow(props: {
  service: IDeployment;
  commands: CommandRegistry;
}): React.ReactElement {
  const { service, commands } = props;
  const { name, stats } = service;
  const trans = useTrans();
  return (
    <li
      className="lp-Row lp-Service"
      data-name={name}
      data-state={service.state}
      onDoubleClick={() => void commands.execute(CommandIDs.openService, { name })}
      onContextMenu={event => {
        event.preventDefault();
        event.stopPropagation();
        openServiceMenu(commands, service, event);
      }}
    >
      <div className="lp-Row-main">
        <span className="lp-Row-title">
          <StateMark state={service.state} short />
          <button
            type="button"
            className="lp-Link lp-Row-name"
            onClick={() => void commands.execute(CommandIDs.openService, { name })}
          >
            {name}
          </button>
          <span className="lp-Tag">{trans.__('version %1', service.version)}</span>
        </span>
        <span className="lp-Row-facts" title={service.url}>
          {service.url}
          {service.package !== name && ` · ${service.package}`}
        </span>
        {service.problem ? (
          <span className="lp-Row-problem">{service.problem}</span>
        ) : (
          <dl className="lp-Figures">
            <Figure name={trans.__('Requests')} value={format.rate(stats?.requests_per_second)} />
            <Figure name={trans.__('p95')} value={format.milliseconds(stats?.latency_ms?.p95)} />
            <Figure name={trans.__('Errors')} value={format.count(stats?.errors)} />
          </dl>
        )}
      </div>
      <div className="lp-Row-actions">
        <CommandButton commands={commands} id={CommandIDs.tryService} args={{ name }} />
        <CommandButton commands={commands} id={CommandIDs.copyServiceUrl} args={{ name }} />
        <CommandButton commands={commands} id={CommandIDs.stopService} args={{ name }} />
        <IconButton
          icon={ellipsesIcon}
          label={trans.__('More for %1', name)}
          popup="menu"
          onClick={event => {
            const box = event.currentTarget.getBoundingClientRect();
            openServiceMenu(commands, service, { clientX: box.left, clientY: box.bottom });
          }}
        />
      </div>
    </li>
  );
}

function Figure(props: { name: string; value: string }): React.ReactElement {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}
