// The model's own input, fitting its task. Each has `view`, and `read()`, which gives what to send:
// {type, body, file}: the media type, the body, and the name of the file where it is one.

import { element, fileBox } from "./dom.js";

function json(value) {
  return { type: "application/json", body: JSON.stringify(value) };
}

const HINTS = { image: "Drop or paste a picture here, or click to choose one", audio: "Drop a sound here, or click to choose one" };

function fileInput({ ask, form }) {
  const [type] = form.media_types;
  let file = null;
  const view = fileBox({
    id: "file",
    accept: `${form.widget}/*`,
    hint: HINTS[form.widget],
    onFile(chosen) { file = chosen; ask(); },
  });
  return {
    view,
    read() {
      if (!file) throw new Error("Choose a file first.");
      return { type: file.type || type, body: file, file: file.name || form.file };
    },
    sample: { type, file: form.file },
  };
}

function textInput({ ask, form, example }) {
  const area = element("textarea", { id: "text", value: example[form.key] ?? "" });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
  });
  const label = element("label", { htmlFor: "text" }, "Text ", element("small", {}, "Ctrl + Enter asks"));
  return { view: element("div", {}, label, area), read: () => json({ [form.key]: area.value }) };
}

function tableInput({ ask, form, example, schema }) {
  let file = null;
  const grid = element("div", { className: "fields" });
  const fields = Object.entries(schema.properties[form.key].properties).map(([name, column], index) => {
    const number = column.type.includes("number") && !column.type.includes("string");
    const known = column.examples ?? [];
    const field = element("input", { id: `field${index}`, value: example[form.key]?.[name] ?? "" });
    if (number) field.inputMode = "decimal";
    field.addEventListener("input", () => { file = null; });
    const cell = element("div", {}, element("label", { htmlFor: field.id }, name), field);
    if (known.length) {
      field.setAttribute("list", `known${index}`);
      cell.append(element("datalist", { id: `known${index}` }, ...known.map((value) => element("option", { value }))));
    }
    grid.append(cell);
    return { name, field, number };
  });
  const upload = fileBox({
    id: "file",
    accept: ".csv,text/csv",
    hint: "or drop a CSV file with these columns: every row is answered",
    onFile(chosen) { file = chosen; ask(); },
  });
  upload.classList.add("flat");
  return {
    view: element("div", {}, grid, upload),
    read() {
      if (file) return { type: "text/csv", body: file, file: file.name || "rows.csv" };
      const row = {};
      for (const { name, field, number } of fields) {
        const text = field.value.trim();
        if (number && text !== "" && !Number.isFinite(Number(text))) throw new Error(`${name} must be a number.`);
        row[name] = text === "" ? null : number ? Number(text) : text;
      }
      return json({ [form.key]: row });
    },
  };
}

function jsonInput({ example }) {
  const area = element("textarea", { id: "json", className: "mono", value: JSON.stringify(example), spellcheck: false });
  return {
    view: element("div", {}, element("label", { htmlFor: "json" }, "JSON"), area),
    read() {
      try {
        return json(JSON.parse(area.value));
      } catch (error) {
        throw new Error(`This is not JSON: ${error.message}`);
      }
    },
  };
}

const INPUTS = { image: fileInput, audio: fileInput, text: textInput, table: tableInput };

export function modelInput({ form, example }, schema, ask) {
  return (INPUTS[form.widget] ?? jsonInput)({ ask, form, example, schema });
}
