import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:plugin',
  autoStart: true,
  activate: () => undefined
};

export default plugin;
