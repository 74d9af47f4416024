import type { ServerConnection } from '@jupyterlab/services';
import { EventSocket } from '../src/api/socket';
import type { LeptonMessage } from '../src/api/types';

class FakeWebSocket {
  static made: FakeWebSocket[] = [];
  sent: string[] = [];
  readyState = 1;
  onopen: () => void = () => undefined;
  onclose: () => void = () => undefined;
  onmessage: (event: { data: string }) => void = () => undefined;

  constructor(readonly url: string) {
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.onclose();
  }
}

function hide(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

describe('the websocket', () => {
  let socket: EventSocket;

  beforeEach(() => {
    jest.useFakeTimers();
    FakeWebSocket.made = [];
    socket = new EventSocket({
      wsUrl: 'ws://localhost/base/',
      token: 'a b',
      appendToken: true,
      WebSocket: FakeWebSocket
    } as unknown as ServerConnection.ISettings);
  });

  afterEach(() => {
    socket.dispose();
    hide(false);
    jest.useRealTimers();
  });

  it('hands on what it is told', () => {
    const heard: LeptonMessage[] = [];
    socket.message.connect((_, message) => heard.push(message));
    const [made] = FakeWebSocket.made;
    expect(made.url).toBe('ws://localhost/base/lepton/api/events?token=a%20b');
    made.onmessage({ data: '{"type": "hello", "version": "1", "runs": 2}' });
    expect(heard).toEqual([{ type: 'hello', version: '1', runs: 2 }]);
  });

  it('asks for silence while the page is hidden', () => {
    const [made] = FakeWebSocket.made;
    made.onopen();
    expect(made.sent).toEqual([]);
    hide(true);
    hide(false);
    expect(made.sent).toEqual(['{"type":"pause"}', '{"type":"resume"}']);
  });

  it('comes back after a loss, waiting longer each time', () => {
    FakeWebSocket.made[0].close();
    jest.advanceTimersByTime(1000);
    expect(FakeWebSocket.made).toHaveLength(2);
    FakeWebSocket.made[1].close();
    jest.advanceTimersByTime(1000);
    expect(FakeWebSocket.made).toHaveLength(2);
    jest.advanceTimersByTime(1000);
    expect(FakeWebSocket.made).toHaveLength(3);
  });

  it('stays away once it is disposed', () => {
    socket.dispose();
    jest.advanceTimersByTime(60_000);
    expect(FakeWebSocket.made).toHaveLength(1);
  });
});
