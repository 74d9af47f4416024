import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { LeptonMessage } from './types';

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/**
 * The websocket on which the server tells what changed.
 *
 * It reconnects with growing waits, and asks for silence while the page cannot be seen.
 */
export class EventSocket implements IDisposable {
  constructor(private readonly _settings: ServerConnection.ISettings) {
    document.addEventListener('visibilitychange', this._onVisibility);
    this._connect();
  }

  get message(): ISignal<this, LeptonMessage> {
    return this._message;
  }

  get connectedChanged(): ISignal<this, boolean> {
    return this._connectedChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Try again now instead of after the wait. */
  reconnect(): void {
    if (this._socket === null) {
      window.clearTimeout(this._timer);
      this._connect();
    }
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    document.removeEventListener('visibilitychange', this._onVisibility);
    window.clearTimeout(this._timer);
    this._socket?.close();
    Signal.clearData(this);
  }

  private _connect(): void {
    const { wsUrl, token, appendToken, WebSocket } = this._settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    const socket = new WebSocket(URLExt.join(wsUrl, 'lepton/api/events') + query);
    this._socket = socket;
    socket.onopen = () => {
      this._wait = FIRST_WAIT;
      this._onVisibility();
      this._connectedChanged.emit(true);
    };
    socket.onmessage = event => {
      this._message.emit(JSON.parse(String(event.data)) as LeptonMessage);
    };
    socket.onclose = () => {
      this._socket = null;
      if (this._isDisposed) {
        return;
      }
      this._connectedChanged.emit(false);
      this._timer = window.setTimeout(() => this._connect(), this._wait);
      this._wait = Math.min(this._wait * 2, LONGEST_WAIT);
    };
  }

  private readonly _onVisibility = (): void => {
    const type = document.hidden ? 'pause' : 'resume';
    if (this._socket?.readyState === 1 && (document.hidden || this._paused)) {
      this._socket.send(JSON.stringify({ type }));
      this._paused = document.hidden;
    }
  };

  private readonly _message = new Signal<this, LeptonMessage>(this);
  private readonly _connectedChanged = new Signal<this, boolean>(this);
  private _socket: WebSocket | null = null;
  private _timer = 0;
  private _wait = FIRST_WAIT;
  private _paused = false;
  private _isDisposed = false;
}
