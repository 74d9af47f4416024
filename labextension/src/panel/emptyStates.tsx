import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { Empty } from '../common/notice';
import { useTrans } from '../common/translation';

/** No runs: how to get the first one. */
export function NoRuns(props: { commands: CommandRegistry }): React.ReactElement {
  const trans = useTrans();
  return (
    <Empty
      title={trans.__('No runs yet')}
      code={'%load_ext lepton_nb\n%lepton train SmallCNN \\\n  --data digits \\\n  --epochs 3'}
      action={
        <button
          type="button"
          className="lp-Button lp-mod-primary"
          onClick={() =>
            void props.commands.execute(CommandIDs.newFromTemplate, { id: '01_quickstart' })
          }
        >
          {trans.__('Open the Quickstart')}
        </button>
      }
    >
      {trans.__(
        'A run is one training. It is kept here from its first step, and can be resumed, compared, evaluated and deployed. Put this in a cell:'
      )}
    </Empty>
  );
}

/** The filter lets nothing through. */
export function NothingFound(props: { onClear: () => void }): React.ReactElement {
  const trans = useTrans();
  return (
    <Empty
      title={trans.__('Nothing found')}
      action={
        <button type="button" className="lp-Button" onClick={props.onClear}>
          {trans.__('Clear Search and Filters')}
        </button>
      }
    >
      {trans.__(
        'Search looks into names, models, data, tags and notes; model:resnet into one of them.'
      )}
    </Empty>
  );
}

export function NoServices(): React.ReactElement {
  const trans = useTrans();
  return (
    <Empty title={trans.__('No services')} code="%lepton deploy NAME">
      {trans.__(
        'A service answers requests with a trained model, in a process of its own that outlives the notebook. Deploy a run from its menu, or in a cell:'
      )}
    </Empty>
  );
}

export function NoPackages(): React.ReactElement {
  const trans = useTrans();
  return (
    <Empty title={trans.__('No packages')} code="%lepton deploy NAME">
      {trans.__(
        'A package is a model ready to be served: ONNX, torch.export and weights, each with its checksum. Deploying or exporting a run makes one.'
      )}
    </Empty>
  );
}

export function NoData(): React.ReactElement {
  const trans = useTrans();
  return (
    <Empty title={trans.__('No data sets')} code={'%lepton data NAME --from FOLDER'}>
      {trans.__(
        'The data sets your runs were trained on appear here. Load a folder, a CSV or a DataFrame:'
      )}
    </Empty>
  );
}
