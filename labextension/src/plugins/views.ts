import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';
import { CommandIDs } from '../commands/ids';
import { compareIcon } from '../common/icons';
import { DOMAIN } from '../common/translation';
import { ILepton } from '../tokens';
import { RunView, type RunTab } from '../views/runView';
import { ServiceView, type ServiceTab } from '../views/serviceView';

const MOST_COMPARED = 20;

/** Runs and services in the main area, found again after a reload. */
export const viewsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'lepton-nb:views',
  description: 'Runs, comparisons and services in the main area.',
  autoStart: true,
  requires: [ILepton],
  optional: [ILabShell, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    lepton: ILepton,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const runs = new WidgetTracker<RunView>({ namespace: 'lepton-runs' });
    const services = new WidgetTracker<ServiceView>({ namespace: 'lepton-services' });

    /** Notebook shows one document a page, and other things below it. */
    const show = (view: Widget) => {
      if (!view.isAttached) {
        app.shell.add(view, labShell ? 'main' : 'down', { mode: 'tab-after' });
      }
      app.shell.activateById(view.id);
    };

    app.commands.addCommand(CommandIDs.compareRuns, {
      label: args => (args.refs ? trans.__('Compare') : trans.__('Compare Selected Runs')),
      icon: compareIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            refs: { type: 'array', items: { type: 'string' } },
            tab: { type: 'string' }
          }
        }
      },
      isEnabled: args => refsOf(args.refs, lepton).length >= (args.refs ? 1 : 2),
      execute: args => {
        const refs = refsOf(args.refs, lepton).slice(0, MOST_COMPARED);
        const tab = args.tab as RunTab | undefined;
        const id = RunView.idOf(refs);
        let view = runs.find(item => item.id === id);
        if (!view) {
          view = new RunView(lepton, app.commands, translator ?? nullTranslator, refs, tab);
          void runs.add(view);
        } else if (tab) {
          view.showTab(tab);
        }
        show(view);
      }
    });

    app.commands.addCommand(CommandIDs.openServiceView, {
      label: trans.__('Open Service'),
      describedBy: {
        args: {
          type: 'object',
          required: ['name'],
          properties: { name: { type: 'string' }, tab: { type: 'string' } }
        }
      },
      execute: args => {
        const name = args.name as string;
        const tab = args.tab as ServiceTab | undefined;
        let view = services.find(item => item.id === ServiceView.idOf(name));
        if (!view) {
          view = new ServiceView(lepton, app.commands, translator ?? nullTranslator, name, tab);
          void services.add(view);
        } else if (tab) {
          view.showTab(tab);
        }
        show(view);
      }
    });

    // A command without a name means the view in front.
    labShell?.currentChanged.connect((_, { newValue }) => {
      if (newValue instanceof RunView) {
        lepton.selection.set(newValue.refs);
      }
    });

    void restorer?.restore(runs, {
      command: CommandIDs.compareRuns,
      args: view => ({ refs: [...view.refs] }),
      name: view => view.refs.join(',')
    });
    void restorer?.restore(services, {
      command: CommandIDs.openServiceView,
      args: view => ({ name: view.name }),
      name: view => view.name
    });
  }
};

function refsOf(named: unknown, lepton: ILepton): string[] {
  return [...((named as string[] | undefined) ?? lepton.selection.refs)];
}
