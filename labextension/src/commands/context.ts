import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, InputDialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { explain, type LeptonClient } from '../api/client';
import type { IDeployment, IJob, IRun } from '../api/types';
import type { ILepton } from '../tokens';

export type Args = ReadonlyPartialJSONObject;

/** What every command needs, and the few ways in which they talk to the user. */
export class CommandContext {
  constructor(
    readonly app: JupyterFrontEnd,
    readonly lepton: ILepton,
    readonly notebooks: INotebookTracker | null,
    readonly trans: TranslationBundle
  ) {}

  get client(): LeptonClient {
    return this.lepton.model.client;
  }

  /** Runs named by the arguments, else the selected ones. */
  runs(args: Args): IRun[] {
    const { model, selection } = this.lepton;
    const refs =
      (args.refs as string[] | undefined) ?? (args.ref ? [args.ref as string] : selection.refs);
    return refs.flatMap(ref => model.run(ref) ?? []);
  }

  /** One run: named, selected, or picked by the user among those that `suits`. */
  async pickRun(args: Args, title: string, suits: (run: IRun) => boolean): Promise<IRun | null> {
    const named = this.runs(args);
    if (args.ref || named.length === 1) {
      return named[0] ?? null;
    }
    const runs = this.lepton.model.runs.filter(suits);
    const ref = await this._pick(
      title,
      runs.map(run => run.ref)
    );
    return runs.find(run => run.ref === ref) ?? null;
  }

  async pickService(args: Args, title: string): Promise<IDeployment | null> {
    const { model } = this.lepton;
    const names = model.deployments.map(item => item.name);
    const name = (args.name as string | undefined) ?? (await this._pick(title, names));
    return (name && model.deployment(name)) || null;
  }

  /** Whether the user is sure. The button says what will happen. */
  async isSure(title: string, body: string, action: string): Promise<boolean> {
    const answer = await showDialog({
      title,
      body,
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: action })],
      defaultButton: 0
    });
    return answer.button.accept;
  }

  /** Do it once the user is sure. */
  async ifSure(
    title: string,
    body: string,
    action: string,
    work: () => Promise<void>
  ): Promise<void> {
    if (await this.isSure(title, body, action)) {
      await work();
    }
  }

  /** A number of any size, such as 1e-4; null where the user leaves it. */
  async askNumber(title: string, label: string, known?: number | null): Promise<number | null> {
    const answer = await InputDialog.getText({
      title,
      label,
      text: known ? String(known) : '',
      placeholder: '1e-4',
      pattern: String.raw`\s*\+?(\d+\.?\d*|\.\d+)(e[+\-]?\d+)?\s*`,
      required: true
    });
    return answer.button.accept && answer.value ? Number(answer.value) : null;
  }

  say(message: string): void {
    Notification.info(message, { autoClose: 4000 });
  }

  /** Do it; what goes wrong is told in the server's own words. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      Notification.error(explain(error), { autoClose: false });
      return undefined;
    }
  }

  /** Tell of work that goes on at the server; `jobs` of the model say how it ends. */
  async start(work: () => Promise<{ job: IJob }>, begun: string, done: string): Promise<void> {
    const started = await this.attempt(work);
    if (!started) {
      return;
    }
    const { model } = this.lepton;
    const id = Notification.emit(begun, 'in-progress', { autoClose: false });
    const settle = () => {
      const job = model.jobs.find(item => item.id === started.job.id) ?? started.job;
      if (job.state === 'waiting' || job.state === 'running') {
        return;
      }
      model.changed.disconnect(settle);
      const failed = job.state === 'failed';
      const text = [job.message ?? done, job.hint].filter(Boolean).join(' ');
      Notification.update({
        id,
        message: failed ? text : job.state === 'done' ? done : text,
        type: failed ? 'error' : job.state === 'done' ? 'success' : 'info',
        autoClose: failed ? false : 6000
      });
    };
    model.changed.connect(settle);
    settle();
  }

  private async _pick(title: string, items: string[]): Promise<string | null> {
    if (items.length < 2) {
      return items[0] ?? null;
    }
    return (await InputDialog.getItem({ title, items })).value;
  }
}

/** A path of the REST API with names in it. */
export function path(strings: TemplateStringsArray, ...names: string[]): string {
  return String.raw({ raw: strings }, ...names.map(encodeURIComponent));
}
