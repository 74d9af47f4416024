import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import { nullTranslator } from '@jupyterlab/translation';
import * as React from 'react';
import { DOMAIN, TranslationProvider } from '../common/translation';
import { EvaluationOutput } from './evaluation';
import { RunOutput } from './run';
import type { IEvaluationBundle, IRunBundle } from './types';

const NEWEST = 1;
const RUN = 'application/vnd.lepton.run+json';
const EVALUATION = 'application/vnd.lepton.evaluation+json';

/** Draws what a cell left in the notebook: no kernel and no server is asked. */
class LeptonOutput extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly _draw: (data: never) => React.ReactElement,
    private readonly _options: IRenderMime.IRendererOptions
  ) {
    super();
    this.addClass('lp-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data = model.data[this._options.mimeType] as { version?: number } | undefined;
    if (!data || (data.version ?? 0) > NEWEST) {
      // Written by a newer version: the picture and text beside it are right in any case.
      return Promise.reject(
        new Error(`This output needs a newer lepton-nb (format ${data?.version}).`)
      );
    }
    this._data = data;
    this.update();
    return Promise.resolve();
  }

  protected render(): React.ReactElement | null {
    const trans = (this._options.translator ?? nullTranslator).load(DOMAIN);
    return this._data ? (
      <TranslationProvider value={trans}>{this._draw(this._data as never)}</TranslationProvider>
    ) : null;
  }

  private _data: object | null = null;
}

function extension(
  id: string,
  mimeType: string,
  draw: (data: never) => React.ReactElement
): IRenderMime.IExtension {
  return {
    id,
    description: `Renders ${mimeType}.`,
    rendererFactory: {
      safe: true,
      mimeTypes: [mimeType],
      defaultRank: 40, // before HTML and PNG
      createRenderer: options => new LeptonOutput(draw, options)
    },
    dataType: 'json'
  };
}

export default [
  extension('lepton-nb:run-output', RUN, (data: IRunBundle) => <RunOutput bundle={data} />),
  extension('lepton-nb:evaluation-output', EVALUATION, (data: IEvaluationBundle) => (
    <EvaluationOutput bundle={data} />
  ))
];
