import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import { explain, type LeptonClient } from '../api/client';
import type { EventSocket } from '../api/socket';
import type {
  IDataset,
  IDeployment,
  IHardware,
  IJob,
  INotice,
  IPackage,
  IRun,
  LeptonMessage
} from '../api/types';
import { RUN_STATES } from '../api/states';
import { endOf } from './notices';

const PAGE = 500;

/** What of the state changed. */
export type Topic =
  'runs' | 'deployments' | 'packages' | 'datasets' | 'jobs' | 'hardware' | 'status';

export type Status = 'loading' | 'ready' | 'offline';

export function isActive(run: IRun): boolean {
  return RUN_STATES[run.status].active;
}

export function packageKey(item: { name: string; version: number }): string {
  return `${item.name}/${item.version}`;
}

/**
 * Everything the lab knows of the run store: read once, then kept up to date by the socket.
 *
 * The views read it and listen to `changed`; nothing here draws.
 */
export class LeptonModel implements IDisposable {
  constructor(
    readonly client: LeptonClient,
    private readonly _socket: EventSocket
  ) {
    _socket.message.connect((_, message) => this._apply(message));
    _socket.connectedChanged.connect((_, connected) => {
      if (!connected) {
        this._setStatus('offline', null);
      }
    });
  }

  get changed(): ISignal<this, Topic> {
    return this._changed;
  }

  /** Things to tell the user wherever they are: a run ended, a service degraded. */
  get noticed(): ISignal<this, INotice> {
    return this._noticed;
  }

  status: Status = 'loading';
  error: string | null = null;
  hardware: IHardware | null = null;
  datasets: IDataset[] = [];
  jobs: IJob[] = [];

  /** Newest first. */
  get runs(): readonly IRun[] {
    this._sortedRuns ??= [...this._runs.values()].sort((a, b) => b.created_at - a.created_at);
    return this._sortedRuns;
  }

  get packages(): readonly IPackage[] {
    return [...this._packages.values()].sort((a, b) => b.created_at - a.created_at);
  }

  get deployments(): readonly IDeployment[] {
    return [...this._deployments.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The run of a reference such as `cnn@2`, where it is known. */
  run(ref: string): IRun | undefined {
    return this.runs.find(run => run.ref === ref);
  }

  deployment(name: string): IDeployment | undefined {
    return this._deployments.get(name);
  }

  /** Read everything again. */
  async refresh(): Promise<void> {
    const reading = ++this._reading;
    try {
      const { client } = this;
      const [runs, deployments, packages, datasets, jobs] = await Promise.all([
        this._readRuns(),
        client.get<{ deployments: IDeployment[] }>('deployments'),
        client.get<{ packages: IPackage[] }>('packages'),
        client.get<{ datasets: IDataset[] }>('datasets'),
        client.get<{ jobs: IJob[] }>('jobs')
      ]);
      if (this._isDisposed || reading !== this._reading) {
        return; // a newer reading is under way
      }
      this._runs = new Map(runs.map(run => [run.id, run]));
      this._sortedRuns = null;
      this._deployments = new Map(deployments.deployments.map(item => [item.name, item]));
      this._packages = new Map(packages.packages.map(item => [packageKey(item), item]));
      this.datasets = datasets.datasets;
      this.jobs = jobs.jobs;
      this._setStatus('ready', null);
      for (const topic of ['runs', 'deployments', 'packages', 'datasets', 'jobs'] as const) {
        this._changed.emit(topic);
      }
    } catch (error) {
      if (reading === this._reading) {
        this._setStatus('offline', explain(error));
      }
    }
  }

  /** Ask again at once after the server could not be reached. */
  retry(): void {
    this._setStatus('loading', null);
    this._socket.reconnect();
    void this.refresh();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._socket.dispose();
    Signal.clearData(this);
  }

  /** Read what happened while the socket was silent, and tell of runs that ended meanwhile. */
  private async _catchUp(): Promise<void> {
    const before = this.runs.filter(isActive);
    await this.refresh();
    for (const { id } of before) {
      const run = this._runs.get(id);
      const notice = run ? endOf(run) : null;
      if (notice) {
        this._noticed.emit(notice);
      }
    }
  }

  private async _readRuns(): Promise<IRun[]> {
    const runs: IRun[] = [];
    for (;;) {
      const page = await this.client.get<{ runs: IRun[]; total: number }>('runs', {
        offset: runs.length,
        limit: PAGE,
        spark: 32
      });
      runs.push(...page.runs);
      if (page.runs.length === 0 || runs.length >= page.total) {
        return runs;
      }
    }
  }

  private _apply(message: LeptonMessage): void {
    switch (message.type) {
      case 'hello':
        return void this._catchUp();
      case 'runs':
        return this._applyRuns(message.changed, message.removed);
      case 'deployments':
        message.changed.forEach(item => this._deployments.set(item.name, item));
        message.removed.forEach(name => this._deployments.delete(name));
        return this._changed.emit('deployments');
      case 'packages':
        message.changed.forEach(item => this._packages.set(packageKey(item), item));
        message.removed.forEach(key => this._packages.delete(key));
        return this._changed.emit('packages');
      case 'job':
        this.jobs = [message.job, ...this.jobs.filter(job => job.id !== message.job.id)];
        return this._changed.emit('jobs');
      case 'hardware':
        this.hardware = message;
        return this._changed.emit('hardware');
      case 'notification':
        return this._noticed.emit(message);
    }
  }

  private _applyRuns(changed: IRun[], removed: string[]): void {
    const isNew = changed.some(run => !this._runs.has(run.id));
    changed.forEach(run => this._runs.set(run.id, run));
    removed.forEach(id => this._runs.delete(id));
    this._sortedRuns = null;
    this._changed.emit('runs');
    if (isNew || removed.length) {
      void this._readDatasets(); // they are counted from the runs
    }
  }

  private async _readDatasets(): Promise<void> {
    try {
      this.datasets = (await this.client.get<{ datasets: IDataset[] }>('datasets')).datasets;
      this._changed.emit('datasets');
    } catch (error) {
      console.warn('lepton-nb: the data sets could not be read', error);
    }
  }

  private _setStatus(status: Status, error: string | null): void {
    this.status = status;
    this.error = error;
    this._changed.emit('status');
  }

  private readonly _changed = new Signal<this, Topic>(this);
  private readonly _noticed = new Signal<this, INotice>(this);
  private _runs = new Map<string, IRun>();
  private _sortedRuns: IRun[] | null = null;
  private _packages = new Map<string, IPackage>();
  private _deployments = new Map<string, IDeployment>();
  private _reading = 0;
  private _isDisposed = false;
}
