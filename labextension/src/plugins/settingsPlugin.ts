import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { SETTINGS_ID } from './settings';

/** Carries the settings, shortcuts and menu entries of `schema/settings.json`, which the lab reads by this id. */
export const settingsPlugin: JupyterFrontEndPlugin<void> = {
  id: SETTINGS_ID,
  description: 'Settings, keyboard shortcuts and menu entries of Lepton Notebook.',
  autoStart: true,
  activate: () => undefined
};
