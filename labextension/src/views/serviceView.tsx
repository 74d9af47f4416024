import { Clipboard } from '@jupyterlab/apputils';
import type { ITranslator } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IDeployment, IDeploymentDetail } from '../api/types';
import { path } from '../commands/context';
import { CommandIDs } from '../commands/ids';
import { CommandButton, IconButton } from '../common/actionButton';
import { useLoaded, useModel, useThrottled } from '../common/hooks';
import { Failure, Loading } from '../common/notice';
import { StateMark } from '../common/state';
import { useTrans } from '../common/translation';
import { TabbedView } from '../common/view';
import * as format from '../model/format';
import type { LeptonModel } from '../model/lepton';
import { Tabs } from '../panel/tabs';
import type { ILepton } from '../tokens';
import { Chart } from './chart';
import { LogTail } from './log';

export type ServiceTab = 'overview' | 'try' | 'log';

/** One service in the main area. */
export class ServiceView extends TabbedView<ServiceTab> {
  constructor(
    lepton: ILepton,
    commands: CommandRegistry,
    translator: ITranslator,
    readonly name: string,
    tab: ServiceTab = 'overview'
  ) {
    super(lepton, commands, translator, ServiceView.idOf(name), tab);
    this.named(name, this.trans.__('Service %1', name));
  }

  static idOf(name: string): string {
    return `lepton-service-${name}`;
  }

  protected draw(): React.ReactElement {
    return <View {...this.frame} name={this.name} />;
  }
}

function View(props: {
  model: LeptonModel;
  commands: CommandRegistry;
  name: string;
  tab: ServiceTab;
  onTab: (tab: ServiceTab) => void;
  isShown: boolean;
  prefix: string;
}): React.ReactElement {
  const { model, commands, name, tab, prefix } = props;
  const trans = useTrans();
  useModel(model, 'deployments', 'status');
  const service = model.deployment(name);
  if (!service) {
    return model.status === 'loading' ? (
      <Loading rows={6} />
    ) : (
      <p className="lp-Hint">
        {trans.__(
          'There is no service %1 any more. %lepton deploy %1 starts it again under its token.',
          name
        )}
      </p>
    );
  }
  return (
    <>
      <Head service={service} commands={commands} />
      <Tabs
        label={trans.__('Views')}
        current={tab}
        prefix={prefix}
        onChange={props.onTab}
        tabs={[
          ['overview', trans.__('Overview'), 0],
          ['try', trans.__('Try It'), 0],
          ['log', trans.__('Log'), 0]
        ]}
      />
      <div
        role="tabpanel"
        className="lp-View-body"
        id={`${prefix}-tabpanel-${tab}`}
        aria-labelledby={`${prefix}-tab-${tab}`}
      >
        {tab === 'overview' ? (
          <Overview model={model} service={service} commands={commands} isShown={props.isShown} />
        ) : tab === 'try' ? (
          <iframe
            className="lp-Frame"
            title={trans.__('Try %1', name)}
            src={model.client.servicePage(name)}
          />
        ) : (
          <LogTail client={model.client} of={{ service: name }} isLive={props.isShown} />
        )}
      </div>
    </>
  );
}

function Head(props: { service: IDeployment; commands: CommandRegistry }): React.ReactElement {
  const { service, commands } = props;
  const { name, stats } = service;
  const trans = useTrans();
  const facts: [string, string][] = [
    [trans.__('Requests'), format.count(stats?.requests)],
    [trans.__('Rate'), format.rate(stats?.requests_per_second)],
    [trans.__('p50'), format.milliseconds(stats?.latency_ms?.p50)],
    [trans.__('p95'), format.milliseconds(stats?.latency_ms?.p95)],
    [trans.__('Errors'), format.count(stats?.errors)],
    [trans.__('Memory'), format.bytes(stats?.memory_bytes)],
    [trans.__('Up'), format.duration(stats?.uptime_seconds)],
    [
      trans.__('Model'),
      [stats?.model, stats?.format, stats?.device].filter(Boolean).join(' · ') || '–'
    ]
  ];
  return (
    <div className="lp-View-head">
      <div className="lp-View-title">
        <h2>{name}</h2>
        <StateMark state={service.state} />
        <span className="lp-Tag">{trans.__('version %1', service.version)}</span>
        <span className="lp-Url">
          <code>{service.url}</code>
          <IconButton
            icon={copyIcon}
            label={trans.__('Copy URL')}
            onClick={() => Clipboard.copyToSystem(service.url)}
          />
        </span>
        <span className="lp-View-actions">
          {[CommandIDs.copyServiceToken, CommandIDs.rollbackService, CommandIDs.stopService].map(
            id => (
              <CommandButton key={id} commands={commands} id={id} args={{ name }} text />
            )
          )}
        </span>
      </div>
      {service.problem && (
        <p className="lp-View-error" role="alert">
          {service.problem}
        </p>
      )}
      <dl className="lp-Facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Throughput and latency over time, the versions there were, and how to ask from a terminal. */
function Overview(props: {
  model: LeptonModel;
  service: IDeployment;
  commands: CommandRegistry;
  isShown: boolean;
}): React.ReactElement {
  const { model, service } = props;
  const trans = useTrans();
  const key = `${service.name} ${service.version} ${service.stats?.requests} ${service.stats?.uptime_seconds}`;
  const shown = React.useRef(key);
  if (props.isShown) {
    shown.current = key;
  }
  const load = () => model.client.get<IDeploymentDetail>(path`deployments/${service.name}`);
  const loaded = useLoaded(load, useThrottled(shown.current, 1000));
  const series = loaded.value?.series;
  const charts = React.useMemo(() => {
    if (!series) {
      return null;
    }
    const line = (name: string, y: (number | null)[], index: number) => ({
      name,
      x: series.time,
      y,
      shade: index
    });
    return {
      rate: [line(trans.__('requests/s'), series.requests_per_second, 0)],
      latency: [line('p50', series.p50, 0), line('p95', series.p95, 1), line('p99', series.p99, 3)]
    };
  }, [series, trans]);

  if (loaded.state === 'failed' && !loaded.value) {
    return <Failure error={loaded.error} retry={loaded.reload} />;
  }
  if (!loaded.value || !charts) {
    return <Loading rows={4} />;
  }
  const { versions, curl } = loaded.value;
  return (
    <>
      <div className="lp-Charts">
        <Chart title={trans.__('Requests per second')} lines={charts.rate} xKind="time" from0 />
        <Chart title={trans.__('Latency, ms')} lines={charts.latency} xKind="time" from0 />
      </div>
      <h3>{trans.__('From a terminal')}</h3>
      <div className="lp-Copyable">
        {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
        <pre className="lp-Code" tabIndex={0}>
          {curl}
        </pre>
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy the line')}
          onClick={() => Clipboard.copyToSystem(curl)}
        />
      </div>
      <h3>{trans.__('Versions')}</h3>
      <table className="lp-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Package')}</th>
            <th scope="col">{trans.__('Version')}</th>
            <th scope="col">{trans.__('State')}</th>
          </tr>
        </thead>
        <tbody>
          {[...versions].reverse().map((item, index) => (
            <tr key={index}>
              <th scope="row">{item.package}</th>
              <td>{item.version}</td>
              <td>
                {index === 0 ? (
                  <span className="lp-Tag lp-mod-good">{trans.__('live')}</span>
                ) : (
                  trans.__('before')
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
