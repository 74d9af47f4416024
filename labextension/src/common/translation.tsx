import { nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

export const DOMAIN = 'lepton_nb';

const Context = React.createContext<TranslationBundle>(nullTranslator.load(DOMAIN));

export const TranslationProvider = Context.Provider;

/** The lab's translations of our strings. */
export function useTrans(): TranslationBundle {
  return React.useContext(Context);
}
