// Requests as items, each a list of one value for each input of the model: what the codecs do in Python.

import { pictureReader } from "./picture.js";
import { textReader } from "./tokens.js";

export class InputError extends Error {}

const NUMBERS = { float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array };

function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...(value.length ? shapeOf(value[0]) : [])] : [];
}

/** A value, nested lists or {dims, data}, as a tensor with a batch of one. */
export function tensorOf(value, { dtype, shape, name }) {
  const flat = Array.isArray(value) ? value.flat(Infinity) : value.data;
  const dims = Array.isArray(value) ? shapeOf(value) : value.dims;
  const fits = dims.length === shape.length && shape.every((size, at) => size === null || size === dims[at]);
  if (!fits || dims.reduce((all, size) => all * size, 1) !== flat.length) {
    throw new InputError(`${name} has the shape (${dims.join(", ")}), expected (${shape.map((size) => size ?? "any").join(", ")})`);
  }
  if (!flat.every((number) => Number.isFinite(Number(number)))) throw new InputError(`${name} holds something other than finite numbers`);
  const data = dtype === "int64" ? BigInt64Array.from(flat, (number) => BigInt(number)) : new (NUMBERS[dtype] ?? Uint8Array)(flat);
  return { dtype, dims: [1, ...dims], data };
}

function tensorItems({ inputs }, value) {
  const whole = inputs.length === 1 ? [value] : inputs.map(({ name }) => value?.[name]);
  const batched = shapeOf(whole[0]).length > inputs[0].shape.length;
  return batched ? whole[0].map((_, row) => whole.map((part) => part[row])) : [whole];
}

function number(text, name) {
  const value = Number(text);
  if (typeof text === "boolean" || !Number.isFinite(value)) throw new InputError(`${name} must be a number`);
  return value;
}

function category(value) {
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

/** A row as numbers: standardised, and one for each known category. */
function rowItem(columns, row) {
  const unknown = Object.keys(row ?? {}).find((name) => !columns.some((column) => column.name === name));
  if (unknown !== undefined) throw new InputError(`the row has an unknown column ${unknown}`);
  const values = columns.flatMap((column) => {
    const value = row?.[column.name];
    if (value === undefined) throw new InputError(`the row has no ${column.name}: give it, or leave it empty`);
    if (column.kind === "number") {
      const given = value === null ? column.fill : number(value, column.name);
      return [Math.fround((given - column.mean) / column.std)];
    }
    return column.values.map((known) => (value !== null && category(value) === known ? 1 : 0));
  });
  return [{ dims: [values.length], data: values }];
}

/** The rows of CSV text with a header: RFC 4180. */
function csvRows(text, columns) {
  const cells = [[]];
  for (const [, quoted, plain, end] of text.replace(/^\ufeff/, "").matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    cells.at(-1).push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ",") cells.push([]);
  }
  const lines = cells.filter((line) => line.some((cell) => cell !== ""));
  const header = (lines.shift() ?? []).map((name) => name.trim());
  const numbers = new Set(columns.filter(({ kind }) => kind === "number").map(({ name }) => name));
  const value = (name, cell) => (cell.trim() === "" ? null : numbers.has(name) ? number(cell, name) : cell);
  return lines.map((line) => Object.fromEntries(header.map((name, at) => [name, value(name, line[at] ?? "")])));
}

const KINDS = {
  tensor: () => ({}),
  table: ({ preprocessing: { columns } }) => ({
    row: (row) => [rowItem(columns, row)],
    rows: (rows) => rows.map((row) => rowItem(columns, row)),
    "text/csv": async (file) => csvRows(await file.text(), columns).map((row) => rowItem(columns, row)),
  }),
  text: ({ preprocessing }) => {
    const read = textReader(preprocessing);
    const item = (text) => {
      if (!text.trim()) throw new InputError("the text is empty");
      return [read(text)];
    };
    return { text: (text) => [item(text)], texts: (texts) => texts.map(item) };
  },
  image: ({ preprocessing }) => {
    const read = pictureReader(preprocessing);
    const item = async (blob) => {
      try {
        return [await read(blob)];
      } catch (error) {
        throw new InputError(`this is not a picture that the browser reads: ${error.message}`);
      }
    };
    const decoded = (text) => new Blob([Uint8Array.from(atob(text.replace(/^data:.*?,/, "")), (letter) => letter.charCodeAt(0))]);
    return {
      image: async (text) => [await item(decoded(text))],
      images: (texts) => Promise.all(texts.map((text) => item(decoded(text)))),
      file: async (file) => [await item(file)],
    };
  },
};

/** `(body, media type) -> items`, for a model. */
export function reader(about) {
  const forms = { inputs: (value) => tensorItems(about, value), ...KINDS[about.preprocessing.kind](about) };
  return async (body, type) => {
    if (body instanceof Blob) return (forms[type] ?? forms.file)(body);
    const [[key, value]] = Object.entries(JSON.parse(body));
    if (!forms[key]) throw new InputError(`send one of ${Object.keys(forms).join(", ")}`);
    return forms[key](value);
  };
}
