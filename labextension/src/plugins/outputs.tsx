import type { ISessionContext } from '@jupyterlab/apputils';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { LiveService } from '../mime/live';
import { LeptonOutput } from '../mime/output';
import { RunOutput } from '../mime/run';
import { RunsOutput } from '../mime/runs';
import type { IRunBundle, IRunsBundle, IServiceBundle } from '../mime/types';
import { ILepton } from '../tokens';

const RUN = 'application/vnd.lepton.run+json';
const RUNS = 'application/vnd.lepton.runs+json';
const SERVICE = 'application/vnd.lepton.service+json';
const RANK = -20; // before a widget's own view (-10), which shows nothing where its kernel has gone

/** Draws runs and services in notebooks: what they left, or what is true of them now. */
export const outputsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:outputs',
  description: 'Draws runs and services in the outputs of cells.',
  autoStart: true,
  requires: [ILepton, IRenderMimeRegistry],
  optional: [INotebookTracker],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    rendermime: IRenderMimeRegistry,
    notebooks: INotebookTracker | null
  ) => {
    const add = <T extends { version: number }>(
      mimeType: string,
      draw: (data: T, output: ReactWidget) => React.ReactElement
    ) =>
      rendermime.addFactory(
        {
          safe: true,
          mimeTypes: [mimeType],
          createRenderer: options => new LeptonOutput<T>(draw, options)
        },
        RANK
      );
    const around = (output: ReactWidget) => ({
      model: lepton.model,
      commands: app.commands,
      session: sessionOf(notebooks, output),
      isShown: output.isVisible
    });
    add<IRunBundle>(RUN, (bundle, output) => <RunOutput bundle={bundle} {...around(output)} />);
    add<IRunsBundle>(RUNS, (bundle, output) => <RunsOutput bundle={bundle} {...around(output)} />);
    add<IServiceBundle>(SERVICE, (bundle, output) => (
      <LiveService key={bundle.panel} bundle={bundle} {...around(output)} />
    ));
  }
};

function sessionOf(
  notebooks: INotebookTracker | null,
  output: ReactWidget
): ISessionContext | undefined {
  return notebooks?.find(panel => panel.node.contains(output.node))?.sessionContext;
}
