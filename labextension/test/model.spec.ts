import { Signal } from '@lumino/signaling';
import type { LeptonClient } from '../src/api/client';
import { RequestError } from '../src/api/client';
import type { EventSocket } from '../src/api/socket';
import type { INotice, IRun, LeptonMessage } from '../src/api/types';
import { LeptonModel, type Topic } from '../src/model/lepton';
import { Selection } from '../src/model/selection';
import { aRun } from './support';

/** The server's side: what it answers, and a way to make it tell something. */
class Server {
  runs: IRun[] = [];
  asked: string[] = [];
  failure: Error | null = null;
  readonly message = new Signal<Server, LeptonMessage>(this);
  readonly connectedChanged = new Signal<Server, boolean>(this);

  get = async (path: string, query?: { offset: number; limit: number }) => {
    this.asked.push(path);
    if (this.failure) {
      throw this.failure;
    }
    if (path === 'runs') {
      const { offset, limit } = query!;
      return { runs: this.runs.slice(offset, offset + limit), total: this.runs.length };
    }
    return { [path]: [] };
  };

  start(): LeptonModel {
    return new LeptonModel(this as unknown as LeptonClient, this as unknown as EventSocket);
  }

  dispose(): void {
    Signal.clearData(this);
  }
}

async function started(runs: IRun[]): Promise<{ server: Server; model: LeptonModel }> {
  const server = new Server();
  server.runs = runs;
  const model = server.start();
  await model.refresh();
  return { server, model };
}

describe('the state of the lab', () => {
  it('reads all runs, page by page, newest first', async () => {
    const runs = Array.from({ length: 1200 }, (_, index) =>
      aRun({ number: index + 1, created_at: index })
    );
    const { server, model } = await started(runs);
    expect(model.runs).toHaveLength(1200);
    expect(model.runs[0].ref).toBe('cnn@1200');
    expect(server.asked.filter(path => path === 'runs')).toHaveLength(3);
    expect(model.status).toBe('ready');
  });

  it('takes over what the socket tells, and keeps the list it handed out before', async () => {
    const { server, model } = await started([aRun({ status: 'running' }), aRun({ name: 'old' })]);
    const before = model.runs;
    const topics: Topic[] = [];
    model.changed.connect((_, topic) => topics.push(topic));
    server.message.emit({
      type: 'runs',
      changed: [aRun({ status: 'finished' })],
      removed: ['old-1']
    });
    expect(model.runs.map(run => [run.ref, run.status])).toEqual([['cnn@1', 'finished']]);
    expect(before).toHaveLength(2);
    expect(topics).toContain('runs');
  });

  it('reads again when the connection is back, and tells of runs that ended meanwhile', async () => {
    const { server, model } = await started([aRun({ status: 'running' })]);
    const heard: string[] = [];
    model.noticed.connect((_, notice) => heard.push(notice.message));
    server.connectedChanged.emit(false);
    expect(model.status).toBe('offline');
    server.runs = [aRun({ status: 'failed', error: 'CUDA out of memory' }), aRun({ name: 'new' })];
    server.message.emit({ type: 'hello', version: '1', runs: 2 });
    await new Promise(resolve => setTimeout(resolve));
    expect(model.status).toBe('ready');
    expect(model.runs).toHaveLength(2);
    expect(heard).toEqual(['cnn@1 failed: CUDA out of memory']);
  });

  it("says the server's own words and keeps what it knew", async () => {
    const { server, model } = await started([aRun()]);
    server.failure = new RequestError('The store cannot be read.', 'See %lepton doctor', 500);
    await model.refresh();
    expect(model.error).toBe('The store cannot be read. See %lepton doctor');
    expect(model.runs).toHaveLength(1);
  });

  it('hands notices on', async () => {
    const { server, model } = await started([]);
    const heard: INotice[] = [];
    model.noticed.connect((_, notice) => heard.push(notice));
    server.message.emit({
      type: 'notification',
      level: 'error',
      message: 'cnn@1 failed',
      run: 'cnn@1',
      deployment: null,
      event: 'run-failed'
    });
    expect(heard.map(notice => notice.message)).toEqual(['cnn@1 failed']);
  });
});

it('forgets selected runs that are gone, and tells only of changes', () => {
  const selection = new Selection();
  let changes = 0;
  selection.changed.connect(() => changes++);
  selection.set(['a@1', 'b@1']);
  selection.set(['a@1', 'b@1']);
  selection.keep(new Set(['b@1']));
  expect(selection.refs).toEqual(['b@1']);
  expect(changes).toBe(2);
});
