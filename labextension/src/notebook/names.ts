/** What a notebook names already, so that the cells we write go on from there. */
export interface INames {
  model?: string;
  data?: string;
  run?: string;
  isLoaded: boolean;
}

const MODEL = /^%%lepton\s+model\s+([\w.-]+)/m;
const CLASS = /^class\s+(\w+)\s*\(\s*(?:torch\.)?nn\.Module\s*\)/m;
const MODEL_LINE = /^(?:\w+\s*=\s*)?%lepton\s+model\s+([\w.-]+)/m;
const DATA = /^(?:\w+\s*=\s*)?%lepton\s+data\s+([\w.-]+)/m;
const TRAIN = /^(?:\w+\s*=\s*)?%lepton\s+train\b.*?--name[\s=]+([\w.-]+)/m;
const LOADED = /^%(?:re)?load_ext\s+lepton_nb/m;

/** The last of each kind in the code cells of a notebook, in their order. */
export function namesIn(sources: readonly string[]): INames {
  const names: INames = { isLoaded: false };
  for (const source of sources) {
    names.isLoaded ||= LOADED.test(source);
    names.model =
      (MODEL.exec(source) ?? MODEL_LINE.exec(source) ?? CLASS.exec(source))?.[1] ?? names.model;
    names.data = DATA.exec(source)?.[1] ?? names.data;
    names.run = TRAIN.exec(source)?.[1] ?? names.run;
  }
  return names;
}
