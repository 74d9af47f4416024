import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

type Query = Record<string, string | number | undefined>;

/** An error as the server says it: a sentence, and what to do about it. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly hint: string | null,
    readonly status: number
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

/** Asks the server extension; knows Jupyter's base URL, login and XSRF token. */
export class LeptonClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  get<T>(path: string, query: Query = {}): Promise<T> {
    const known = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(known.map(([key, value]) => [key, String(value)]));
    return this._request<T>(known.length ? `${path}?${search}` : path, { method: 'GET' });
  }

  post<T>(path: string, body: object): Promise<T> {
    return this._request<T>(path, { method: 'POST', body: JSON.stringify(body) });
  }

  /** Where a service's own page is reached through the Jupyter server. */
  servicePage(name: string): string {
    return URLExt.join(
      this.settings.baseUrl,
      'lepton/services',
      encodeURIComponent(name),
      'proxy/'
    );
  }

  private async _request<T>(path: string, init: RequestInit): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, 'lepton/api', path);
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    const text = await response.text();
    let data: unknown;
    try {
      data = text ? JSON.parse(text) : null;
    } catch {
      data = null;
    }
    if (!response.ok) {
      const said = (data ?? {}) as { message?: string; hint?: string | null };
      throw new RequestError(
        said.message ?? `${response.status} ${response.statusText}`,
        said.hint ?? null,
        response.status
      );
    }
    return data as T;
  }
}

/** One sentence or two for a person. */
export function explain(error: unknown): string {
  if (error instanceof RequestError && error.hint) {
    return `${error.message} ${error.hint}`;
  }
  return error instanceof Error ? error.message : String(error);
}
