import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import type { IPackage } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { CommandButton } from '../common/actionButton';
import { useModel } from '../common/hooks';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import { packageKey, type LeptonModel } from '../model/lepton';
import { NoPackages, NothingFound } from './emptyStates';

/** Models ready to be served, every version of them. */
export function PackageList(props: {
  model: LeptonModel;
  commands: CommandRegistry;
  search: string;
  onClear: () => void;
}): React.ReactElement {
  const { model, commands } = props;
  const trans = useTrans();
  useModel(model, 'packages', 'deployments');
  const isLive = (item: IPackage) =>
    model.deployments.some(
      ({ package: name, version }) => name === item.name && version === item.version
    );
  if (model.packages.length === 0) {
    return <NoPackages />;
  }
  const found = model.packages.filter(item =>
    `${item.name} ${item.run} ${item.task} ${item.formats}`
      .toLowerCase()
      .includes(props.search.toLowerCase())
  );
  if (found.length === 0) {
    return <NothingFound onClear={props.onClear} />;
  }
  return (
    <ul className="lp-Scroll lp-List" aria-label={trans.__('Packages')}>
      {found.map(item => (
        <li key={packageKey(item)} className="lp-Row lp-Package" data-name={item.name}>
          <div className="lp-Row-main">
            <span className="lp-Row-title">
              <span className="lp-Row-name" title={item.path}>
                {item.name}
              </span>
              <span className="lp-Tag">{trans.__('version %1', item.version)}</span>
              {isLive(item) && <span className="lp-Tag lp-mod-good">{trans.__('live')}</span>}
            </span>
            <span className="lp-Row-facts">
              {[item.run && trans.__('of %1', item.run), item.task].filter(Boolean).join(' · ')}
            </span>
            <span className="lp-Row-facts">
              {item.formats.join(', ')} · {format.ago(item.created_at)}
            </span>
          </div>
          <div className="lp-Row-actions">
            <CommandButton
              commands={commands}
              id={CommandIDs.deployPackage}
              args={{ name: item.name, version: item.version }}
            />
          </div>
        </li>
      ))}
    </ul>
  );
}
