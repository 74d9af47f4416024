import { nullTranslator } from '@jupyterlab/translation';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { DOMAIN, TranslationProvider } from '../common/translation';

/** Draws data that a cell left in the notebook. */
export class LeptonOutput<T extends { version?: number }>
  extends ReactWidget
  implements IRenderMime.IRenderer
{
  constructor(
    private readonly _draw: (data: T, output: ReactWidget) => React.ReactElement,
    private readonly _options: IRenderMime.IRendererOptions,
    private readonly _newest = 1
  ) {
    super();
    this.addClass('lp-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data = model.data[this._options.mimeType] as T | undefined;
    if (!data || (data.version ?? 0) > this._newest) {
      // Written by a newer version: the picture and text beside it are right in any case.
      return Promise.reject(
        new Error(`This output needs a newer lepton-nb (format ${data?.version}).`)
      );
    }
    this._data = data;
    this.update();
    return Promise.resolve();
  }

  protected onAfterShow(): void {
    this.update();
  }

  protected onAfterHide(): void {
    this.update();
  }

  protected render(): React.ReactElement | null {
    const trans = (this._options.translator ?? nullTranslator).load(DOMAIN);
    return this._data ? (
      <TranslationProvider value={trans}>{this._draw(this._data, this)}</TranslationProvider>
    ) : null;
  }

  private _data: T | null = null;
}
