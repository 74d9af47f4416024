"use strict";
// The try-it page. It learns from openapi.json what the model takes, and builds the input that fits.

const $ = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// The token comes in the fragment of the link, which browsers never send, and stays in this tab.
function findToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("lepton-token", given);
    history.replaceState(null, "", location.pathname);
  }
  return given || sessionStorage.getItem("lepton-token") || "";
}

// Each input has `view`, and `read()`, which gives {type, body, curl}: curl is what to put after the headers.

function imageInput() {
  let file = null;
  const hint = element("span", { textContent: "Drop or paste a picture here, or click to choose one" });
  const picture = element("img", { alt: "the chosen picture", hidden: true });
  const chooser = element("input", { type: "file", accept: "image/*", id: "file" });
  const drop = element("label", { className: "drop", htmlFor: "file" }, picture, hint, chooser);
  const take = (chosen) => {
    if (!chosen) return;
    file = chosen;
    URL.revokeObjectURL(picture.src);
    picture.src = URL.createObjectURL(file);
    picture.hidden = false;
    hint.textContent = file.name || "pasted picture";
    ask();
  };
  chooser.addEventListener("change", () => take(chooser.files[0]));
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
  return {
    view: drop,
    read() {
      if (!file) throw new Error("Choose a picture first.");
      const type = file.type || "image/png";
      return { type, body: file, curl: `--data-binary @${quote(file.name || "picture.png")}` };
    },
    sample: { type: "image/png", curl: "--data-binary @picture.png" },
  };
}

function json(value) {
  const body = JSON.stringify(value);
  return { type: "application/json", body, curl: `-d ${quote(body)}` };
}

function textInput(example) {
  const area = element("textarea", { id: "text", value: example.text ?? "" });
  return {
    view: element("div", {}, element("label", { htmlFor: "text", textContent: "Text" }), area),
    read: () => json({ text: area.value }),
  };
}

function tableInput(example, schema) {
  const columns = schema.properties.row.properties;
  const grid = element("div", { className: "fields" });
  const fields = Object.entries(columns).map(([name, column], index) => {
    const number = column.type.includes("number") && !column.type.includes("string");
    const known = column.examples ?? [];
    const field = element("input", { id: `field${index}`, value: example.row?.[name] ?? "" });
    if (number) field.inputMode = "decimal";
    const cell = element("div", {}, element("label", { htmlFor: field.id, textContent: name }), field);
    if (known.length) {
      field.setAttribute("list", `known${index}`);
      cell.append(element("datalist", { id: `known${index}` }, ...known.map((value) => element("option", { value }))));
    }
    grid.append(cell);
    return { name, field, number };
  });
  return {
    view: grid,
    read() {
      const row = {};
      for (const { name, field, number } of fields) {
        const text = field.value.trim();
        if (number && text !== "" && !Number.isFinite(Number(text))) throw new Error(`${name} must be a number.`);
        row[name] = text === "" ? null : number ? Number(text) : text;
      }
      return json({ row });
    },
  };
}

function jsonInput(example) {
  const area = element("textarea", { id: "json", value: JSON.stringify(example) });
  return {
    view: element("div", {}, element("label", { htmlFor: "json", textContent: "JSON" }), area),
    read() {
      try {
        return json(JSON.parse(area.value));
      } catch (error) {
        throw new Error(`This is not JSON: ${error.message}`);
      }
    },
  };
}

function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function curlLine({ type, curl }) {
  const url = new URL("predict", document.baseURI).href;
  const token = about.token ? ' \\\n  -H "Authorization: Bearer $TOKEN"' : "";
  const shown = curl.length > 2000 ? "-d @request.json" : curl;
  return `curl ${url}${token} \\\n  -H 'Content-Type: ${type}' \\\n  ${shown}`;
}

function bar(name, share, text) {
  return element("div", { className: "bar" },
    element("span", { className: "name", textContent: name, title: name }),
    element("meter", { min: 0, max: 1, value: share, ariaLabel: name }),
    element("span", { className: "value", textContent: text }));
}

function showPrediction(prediction) {
  const parts = [];
  if ("label" in prediction) parts.push(element("div", { className: "answer", textContent: prediction.label }));
  else if ("value" in prediction) {
    const values = [].concat(prediction.value).map((value) => Number(value.toPrecision(6)));
    parts.push(element("div", { className: "answer", textContent: `${prediction.name}: ${values.join(", ")}` }));
  }
  for (const [name, score] of Object.entries(prediction.scores ?? {}).slice(0, 8)) {
    parts.push(bar(name, score, `${(100 * score).toFixed(1)} %`));
  }
  const raw = element("pre", { textContent: JSON.stringify(prediction, null, 2) });
  parts.push(element("details", {}, element("summary", { textContent: "JSON" }), raw));
  return parts;
}

let about, input;

async function ask() {
  const result = $("result");
  const button = $("send");
  button.disabled = true;
  try {
    const request = input.read();
    $("curl").textContent = curlLine(request);
    const token = $("token").value.trim();
    const headers = { "Content-Type": request.type };
    if (about.token) headers.Authorization = `Bearer ${token}`;
    const started = performance.now();
    const response = await fetch("predict", { method: "POST", headers, body: request.body });
    const answer = await response.json();
    const elapsed = performance.now() - started;
    if (response.status === 401) $("token-row").hidden = false;
    if (!response.ok) throw new Error(answer.error);
    if (about.token) sessionStorage.setItem("lepton-token", token);
    const timing = `${elapsed.toFixed(0)} ms, version ${answer.version}`;
    result.replaceChildren(...answer.predictions.flatMap(showPrediction),
      element("p", { className: "timing", textContent: timing }));
  } catch (error) {
    result.replaceChildren(element("p", { className: "error", textContent: error.message }));
  } finally {
    button.disabled = false;
  }
}

async function start() {
  const openapi = await (await fetch("openapi.json")).json();
  about = openapi["x-lepton"];
  document.title = about.name;
  $("title").textContent = about.name;
  $("about").textContent = `${about.model}, ${about.task}, version ${about.version}.`;
  $("token").value = findToken();
  $("token-row").hidden = !about.token || $("token").value !== "";
  const schema = openapi.paths["/predict"].post.requestBody.content["application/json"].schema;
  input = {
    image: () => imageInput(),
    text: () => textInput(about.example),
    table: () => tableInput(about.example, schema),
  }[about.kind]?.() ?? jsonInput(about.example);
  $("input").replaceChildren(input.view);
  $("curl").textContent = curlLine(input.sample ?? input.read());
  $("form").addEventListener("submit", (event) => { event.preventDefault(); ask(); });
}

start().catch((error) => {
  $("result").replaceChildren(element("p", { className: "error", textContent: `The service does not answer: ${error.message}` }));
});
