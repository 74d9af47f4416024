import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { INotice } from '../api/types';
import { CommandIDs } from '../commands/ids';
import { DOMAIN } from '../common/translation';
import { ILepton } from '../tokens';
import { SETTINGS_ID } from './settings';

const BRIEF = 8000;

/** Tells of runs that end or fail and of services that degrade, wherever the user is looking. */
export const notificationsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:notifications',
  description: 'Notifications about runs and services.',
  autoStart: true,
  requires: [ILepton],
  optional: [ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    let settings: ISettingRegistry.ISettings | undefined;
    void registry?.load(SETTINGS_ID).then(loaded => {
      settings = loaded;
    });
    lepton.model.noticed.connect((_, notice) => {
      const wanted = (settings?.composite.notify ?? 'all') as string;
      if (wanted === 'none' || (wanted === 'problems' && notice.level === 'success')) {
        return;
      }
      Notification.emit(notice.message, notice.level, {
        autoClose: notice.level === 'error' ? false : BRIEF,
        actions: [{ label: trans.__('Show'), callback: () => show(notice) }]
      });
    });

    function show(notice: INotice): void {
      if (notice.run) {
        void app.commands.execute(CommandIDs.openRun, { ref: notice.run });
      } else if (notice.deployment) {
        void app.commands.execute(CommandIDs.openServiceView, { name: notice.deployment });
      }
    }
  }
};
