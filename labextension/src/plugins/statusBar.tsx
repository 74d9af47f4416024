import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { CommandIDs } from '../commands/ids';
import { useModel } from '../common/hooks';
import { leptonIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import * as format from '../model/format';
import { isActive, type LeptonModel } from '../model/lepton';
import { ILepton } from '../tokens';
import { SETTINGS_ID } from './settings';

/** What is training and serving, and how full the device is. */
export const statusBarPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:status-bar',
  description: 'What is training and serving, in the status bar.',
  autoStart: true,
  requires: [ILepton],
  optional: [IStatusBar, ISettingRegistry, ITranslator], // Notebook has no status bar
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    statusBar: IStatusBar | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    if (!statusBar) {
      return;
    }
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const item = ReactWidget.create(
      <Status
        model={lepton.model}
        trans={trans}
        onClick={() => void app.commands.execute(CommandIDs.openPanel)}
      />
    );
    item.addClass('lp-StatusItem');
    statusBar.registerStatusItem('lepton-nb:status', { item, align: 'left', rank: 20 });
    void registry?.load(SETTINGS_ID).then(settings => {
      const apply = () => item.setHidden(settings.composite.showStatusBar === false);
      settings.changed.connect(apply);
      apply();
    });
  }
};

/** `1 training 62 % · 1 queued · 2 serving · 12 of 80 GB`; nothing but the mark where nothing happens. */
export function statusText(model: LeptonModel, trans: TranslationBundle): string {
  const active = model.runs.filter(isActive);
  const training = active.filter(run => run.status !== 'queued');
  const queued = active.length - training.length;
  const serving = model.deployments.filter(item => item.state !== 'gone').length;
  const parts: string[] = [];
  if (training.length) {
    const known = training.flatMap(run => run.progress ?? []);
    const progress = training.length === 1 && known.length ? ` ${format.percent(known[0])}` : '';
    parts.push(trans.__('%1 training', training.length) + progress);
  }
  if (queued) {
    parts.push(trans.__('%1 queued', queued));
  }
  if (serving) {
    parts.push(trans.__('%1 serving', serving));
  }
  const memory = model.hardware?.devices.find(device => device.memory)?.memory;
  if (memory && parts.length) {
    parts.push(trans.__('%1 of %2', format.bytes(memory.used), format.bytes(memory.total)));
  }
  return parts.join(' · ');
}

function Status(props: {
  model: LeptonModel;
  trans: TranslationBundle;
  onClick: () => void;
}): React.ReactElement {
  const { model, trans } = props;
  useModel(model, 'runs', 'deployments', 'hardware', 'status');
  const text = statusText(model, trans);
  return (
    <button
      type="button"
      className="lp-Status"
      title={trans.__('Show Lepton')}
      aria-label={text ? trans.__('Lepton: %1', text) : trans.__('Lepton: nothing is running')}
      onClick={props.onClick}
    >
      <leptonIcon.react tag="span" aria-hidden="true" />
      {text}
    </button>
  );
}
