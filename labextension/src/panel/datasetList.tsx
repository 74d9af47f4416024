import { addIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { IconButton } from '../common/actionButton';
import { useModel } from '../common/hooks';
import { useTrans } from '../common/translation';
import * as format from '../model/format';
import type { LeptonModel } from '../model/lepton';
import { NoData, NothingFound } from './emptyStates';

/** What models were trained on. */
export function DatasetList(props: {
  model: LeptonModel;
  commands: CommandRegistry;
  search: string;
  onClear: () => void;
  onShowRuns: (dataset: string) => void;
}): React.ReactElement {
  const { model, commands } = props;
  const trans = useTrans();
  useModel(model, 'datasets');
  if (model.datasets.length === 0) {
    return <NoData />;
  }
  const found = model.datasets.filter(item =>
    `${item.name} ${item.task} ${item.where}`.toLowerCase().includes(props.search.toLowerCase())
  );
  if (found.length === 0) {
    return <NothingFound onClear={props.onClear} />;
  }
  return (
    <ul className="lp-Scroll lp-List" aria-label={trans.__('Data sets')}>
      {found.map(item => (
        <li key={item.name} className="lp-Row lp-Dataset" data-name={item.name}>
          <div className="lp-Row-main">
            <span className="lp-Row-title">
              <span className="lp-Row-name">{item.name}</span>
              <span className="lp-Tag">{item.task}</span>
            </span>
            <span className="lp-Row-facts" title={item.where ?? undefined}>
              {Object.entries(item.sizes)
                .map(([split, size]) => `${split} ${format.count(size)}`)
                .join(' · ')}
            </span>
            <span className="lp-Row-facts">
              <button type="button" className="lp-Link" onClick={() => props.onShowRuns(item.name)}>
                {trans._n('%1 run', '%1 runs', item.runs)}
              </button>
              {' · '}
              {format.ago(item.used_at)}
            </span>
          </div>
          <div className="lp-Row-actions">
            <IconButton
              icon={addIcon}
              label={trans.__('Insert a cell that trains on %1', item.name)}
              onClick={() =>
                void commands.execute(CommandIDs.insertCell, { action: 'train', data: item.name })
              }
            />
          </div>
        </li>
      ))}
    </ul>
  );
}
