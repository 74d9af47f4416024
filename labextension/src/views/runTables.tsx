import { Clipboard } from '@jupyterlab/apputils';
import { copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IRunDetail } from '../api/types';
import { IconButton } from '../common/actionButton';
import { useTrans } from '../common/translation';
import { diffOf } from '../model/curves';
import * as format from '../model/format';

/** The settings; of several runs what differs stands first. */
export function Settings(props: { details: IRunDetail[] }): React.ReactElement {
  const { details } = props;
  const trans = useTrans();
  const [all, setAll] = React.useState(false);
  const rows = diffOf(
    details.map(detail => ({ model: detail.run.model, data: detail.run.data, ...detail.config }))
  );
  const differing = rows.filter(row => row.differs);
  const single = details.length === 1;
  if (!single && !all && differing.length === 0) {
    return (
      <p className="lp-Hint">
        {trans.__('These runs have the same %1 settings.', rows.length)}{' '}
        <button type="button" className="lp-Link" onClick={() => setAll(true)}>
          {trans.__('Show them')}
        </button>
      </p>
    );
  }
  const shown = single || all ? [...differing, ...rows.filter(row => !row.differs)] : differing;
  return (
    <>
      {!single && (
        <div className="lp-Controls">
          <label>
            <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
            {trans.__('Show equal settings too')}
          </label>
          <span className="lp-Hint">
            {trans.__('%1 of %2 settings differ', differing.length, rows.length)}
          </span>
        </div>
      )}
      <table className="lp-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Setting')}</th>
            {details.map(detail => (
              <th key={detail.run.id} scope="col">
                {single ? trans.__('Value') : detail.run.ref}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(row => (
            <tr key={row.name} className={!single && row.differs ? 'lp-mod-differs' : undefined}>
              <th scope="row">{row.name}</th>
              {row.values.map((value, index) => (
                <td key={index}>{format.setting(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** What of the run lies on disk. */
export function Checkpoints(props: { detail: IRunDetail }): React.ReactElement {
  const { checkpoints, run } = props.detail;
  const trans = useTrans();
  if (checkpoints.length === 0) {
    return (
      <p className="lp-Hint">
        {trans.__('No checkpoint yet: the first comes with the first validation.')}
      </p>
    );
  }
  return (
    <table className="lp-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('Step')}</th>
          <th scope="col">{trans.__('Epoch')}</th>
          <th scope="col">{run.monitor.replace(/_/g, ' ')}</th>
          <th scope="col">{trans.__('Size')}</th>
          <th scope="col">{trans.__('Written')}</th>
          <th scope="col">{trans.__('File')}</th>
        </tr>
      </thead>
      <tbody>
        {checkpoints.map(item => (
          <tr key={item.path}>
            <th scope="row">
              {format.count(item.step)}{' '}
              {item.best && <span className="lp-Tag lp-mod-good">{trans.__('best')}</span>}
            </th>
            <td>{item.epoch + 1}</td>
            <td>{format.metric(item.value)}</td>
            <td>{format.bytes(item.size)}</td>
            <td>{format.ago(item.created_at)}</td>
            <td className="lp-Path">
              <code title={item.path}>{item.path.split('/').pop()}</code>
              <IconButton
                icon={copyIcon}
                label={trans.__('Copy the path')}
                onClick={() => Clipboard.copyToSystem(item.path)}
              />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The model's source as it was trained, and the versions it was trained with. */
export function Source(props: { detail: IRunDetail }): React.ReactElement {
  const { source, environment, folder } = props.detail;
  const trans = useTrans();
  return (
    <>
      {source ? (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        <pre className="lp-Code" tabIndex={0}>
          {source}
        </pre>
      ) : (
        <p className="lp-Hint">
          {trans.__('No source was kept: the model comes from an installed package.')}
        </p>
      )}
      <table className="lp-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Trained with')}</th>
            <th scope="col">{trans.__('Value')}</th>
          </tr>
        </thead>
        <tbody>
          {[...Object.entries(environment), ['folder', folder]].map(([name, value]) => (
            <tr key={String(name)}>
              <th scope="row">{String(name)}</th>
              <td>{format.setting(value)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
