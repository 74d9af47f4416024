import { commandsPlugin } from './plugins/commands';
import { corePlugin } from './plugins/core';
import { editorPlugin } from './plugins/editor';
import { formsPlugin } from './plugins/forms';
import { launcherPlugin } from './plugins/launcher';
import { notificationsPlugin } from './plugins/notifications';
import { outputsPlugin } from './plugins/outputs';
import { panelPlugin } from './plugins/panel';
import { settingsPlugin } from './plugins/settingsPlugin';
import { statusBarPlugin } from './plugins/statusBar';
import { toolbarPlugin } from './plugins/toolbar';
import { viewsPlugin } from './plugins/views';

export { ILepton } from './tokens';

export default [
  settingsPlugin,
  corePlugin,
  commandsPlugin,
  panelPlugin,
  viewsPlugin,
  statusBarPlugin,
  notificationsPlugin,
  launcherPlugin,
  toolbarPlugin,
  outputsPlugin,
  editorPlugin,
  formsPlugin
];
