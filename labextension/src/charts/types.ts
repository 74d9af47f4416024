/** Charts as data: `lepton_nb/plots/charts.py` says what each field means. */

type Maybe = number | null;

interface IOfAnyKind {
  name: string;
  title: string;
  note?: string;
}

interface IAxes {
  x?: string;
  y?: string;
  unit?: boolean;
  diagonal?: boolean;
  marks?: { x: number; label: string }[];
}

export interface ILineData {
  name: string;
  x: Maybe[];
  y: Maybe[];
  value?: Maybe;
  low?: Maybe[] | null;
  high?: Maybe[] | null;
  colour?: number | null;
  dashed?: boolean;
  faint?: boolean;
  listed?: boolean;
}

export interface ILines extends IOfAnyKind, IAxes {
  kind: 'lines';
  lines: ILineData[];
  x_names?: string[];
  x_log?: boolean;
  y_log?: boolean;
}

export interface IPanels extends IOfAnyKind {
  kind: 'panels';
  panels: ILines[];
}

export interface IMatrix extends IOfAnyKind {
  kind: 'matrix';
  rows: string[];
  columns: string[];
  values: Maybe[][];
  counts?: boolean;
  totals?: Maybe[];
  x?: string;
  y?: string;
}

export interface IBars extends IOfAnyKind, IAxes {
  kind: 'bars';
  at: (string | number)[];
  heights: Maybe[];
  label?: string;
  width?: Maybe;
  levels?: Maybe[];
  level_label?: string;
  behind?: Maybe[];
  behind_label?: string;
}

export interface IScatter extends IOfAnyKind {
  kind: 'scatter';
  across: Maybe[];
  up: Maybe[];
  x?: string;
  y?: string;
  identity?: boolean;
}

export interface ITable extends IOfAnyKind {
  kind: 'table';
  columns: string[];
  rows: (string | Maybe)[][];
}

export interface IBox {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  label: string;
  score: Maybe;
  true: boolean;
}

export interface IExhibit {
  caption: string;
  truth: string;
  picture: string;
  text: string;
  index: Maybe;
  boxes?: IBox[];
  masks?: { shape: string; label: string; true: boolean }[];
}

export interface IGallery extends IOfAnyKind {
  kind: 'gallery';
  items: IExhibit[];
}

export type IPlotted = ILines | IBars | IScatter;

export type IChart = IPlotted | IPanels | IMatrix | ITable | IGallery;
