// A form for a route of the user's own, made from the JSON schema of its request.

import { element, fileBox } from "./dom.js";

const FILE_HINTS = { image: "Drop or paste a picture here, or click to choose one", audio: "Drop a sound here, or click to choose one" };

/** A schema without references and without the alternative of null. */
function resolve(schema, schemas) {
  const found = schema.$ref ? { ...schemas[schema.$ref.split("/").at(-1)], ...schema } : schema;
  const kinds = (found.anyOf ?? []).filter((kind) => kind.type !== "null");
  return kinds.length ? { ...resolve(kinds[0], schemas), default: found.default } : found;
}

function fileField(id, schema) {
  let file = null;
  const media = schema.contentMediaType;
  const kind = media.startsWith("image") || media.includes("image/*") ? "image" : media.split("/")[0];
  const view = fileBox({
    id,
    accept: media.replace("application/x-npy", ".npy"),
    hint: FILE_HINTS[kind] ?? "Drop a file here, or click to choose one",
    onFile(chosen) { file = chosen; },
  });
  const sample = { image: "picture.png", audio: "sound.wav" }[kind] ?? "FILE";
  return { view, file: true, sample, value: () => file ?? undefined };
}

function choiceField(id, schema) {
  const options = schema.enum.map((value) => element("option", { value: JSON.stringify(value) }, String(value)));
  const view = element("select", { id }, ...options);
  if (schema.default !== undefined) view.value = JSON.stringify(schema.default);
  return { view, value: () => JSON.parse(view.value) };
}

function switchField(id, schema) {
  const view = element("input", { id, type: "checkbox", checked: schema.default === true });
  return { view, value: () => view.checked };
}

function textField(id, schema) {
  const number = schema.type === "number" || schema.type === "integer";
  const view = element(number ? "input" : "textarea", { id, value: schema.default ?? "" });
  if (number) view.inputMode = "decimal";
  else view.rows = 2;
  return {
    view,
    value() {
      const text = view.value.trim();
      if (text === "") return schema.type === "string" && schema.default !== undefined ? view.value : undefined;
      return number && Number.isFinite(Number(text)) ? Number(text) : view.value;
    },
  };
}

function jsonField(id, schema) {
  const empty = schema.type === "array" ? "[]" : schema.type === "object" ? "{}" : "";
  const text = schema.default === undefined ? empty : schema.default === null ? "" : JSON.stringify(schema.default);
  const view = element("textarea", { id, className: "mono", value: text, spellcheck: false, rows: 3 });
  return {
    view,
    value(name) {
      if (view.value.trim() === "") return undefined;
      try {
        return JSON.parse(view.value);
      } catch (error) {
        throw new Error(`${name} is not JSON: ${error.message}`);
      }
    },
  };
}

function field(id, schema) {
  if (schema.contentEncoding === "base64") return fileField(id, schema);
  if (schema.enum) return choiceField(id, schema);
  if (schema.const !== undefined) return choiceField(id, { ...schema, enum: [schema.const] });
  if (schema.type === "boolean") return switchField(id, schema);
  if (["string", "number", "integer"].includes(schema.type)) return textField(id, schema);
  return jsonField(id, schema);
}

/** Fields for every key of a request; `read()` gives {type, body, values, files}. */
export function routeForm(name, schema, schemas) {
  const whole = resolve(schema, schemas);
  const required = new Set(whole.required ?? []);
  const fields = Object.entries(whole.properties ?? {}).map(([key, part]) => {
    const id = `${name}-${key}`;
    const kind = resolve(part, schemas);
    const made = field(id, kind);
    const note = required.has(key) ? "" : "optional";
    const label = element("label", { htmlFor: id }, key, " ", element("small", {}, note));
    const about = kind.description ? [element("p", { className: "soft" }, kind.description)] : [];
    const check = made.view.type === "checkbox";
    const view = element("div", { className: check ? "check" : "" }, ...(check ? [made.view, label] : [label, made.view]), ...about);
    return { key, ...made, view };
  });
  return {
    view: element("div", {}, ...(fields.length ? fields.map((made) => made.view) : [element("p", { className: "soft" }, "It takes nothing.")])),
    read() {
      const values = {};
      const files = {};
      for (const made of fields) {
        const value = made.value(made.key);
        if (value === undefined) {
          if (required.has(made.key)) throw new Error(`${made.key} is missing.`);
        } else if (made.file) files[made.key] = value;
        else values[made.key] = value;
      }
      return request(values, files);
    },
    sample() {
      const files = Object.fromEntries(fields.filter((made) => made.file).map((made) => [made.key, { name: made.sample }]));
      const values = {};
      for (const made of fields.filter((made) => !made.file && required.has(made.key))) values[made.key] = made.value(made.key) ?? "…";
      return { ...request(values, {}), values, files };
    },
  };
}

function request(values, files) {
  if (!Object.keys(files).length) return { type: "application/json", body: JSON.stringify(values), values, files };
  const body = new FormData();
  for (const [key, file] of Object.entries(files)) body.append(key, file, file.name || "file");
  for (const [key, value] of Object.entries(values)) body.append(key, typeof value === "string" ? value : JSON.stringify(value));
  return { type: "multipart/form-data", body, values, files };
}
