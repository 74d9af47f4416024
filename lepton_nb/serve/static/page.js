// The try-it page. It learns from openapi.json what the model takes and which routes there are, and builds an
// input that fits. All addresses are relative: it works under any prefix, such as Jupyter's.

import { $, element, tabs } from "./dom.js";
import { readPieces, showPredictions, showResponse } from "./answers.js";
import { routeForm } from "./forms.js";
import { modelInput } from "./inputs.js";
import * as snippets from "./snippets.js";

const KEY = `lepton-token ${location.pathname}`;
let about;

// The token and the theme come in the fragment of the link, which browsers never send. The token stays in this tab.
function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.get("theme")) document.documentElement.style.colorScheme = given.get("theme");
  if (given.get("embedded")) document.documentElement.classList.add("embedded");
  if (given.get("token")) sessionStorage.setItem(KEY, given.get("token"));
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return sessionStorage.getItem(KEY) ?? "";
}

function headersFor(type, accept = "") {
  const token = $("token").value.trim();
  const jupyter = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/); // where Jupyter passes this page on
  return {
    ...(type && type !== "multipart/form-data" ? { "Content-Type": type } : {}),
    ...(accept ? { Accept: accept } : {}),
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...(jupyter ? { "X-XSRFToken": decodeURIComponent(jupyter[1]) } : {}),
  };
}

/** Where others reach a path: the service itself, also where Jupyter passes this page on. */
function address(path) {
  const passedOn = /\/lepton\/services\/[^/]+\/proxy\/$/.test(location.pathname);
  return new URL(path, passedOn && about.url ? `${about.url}/` : document.baseURI).href;
}

function showCode(path, sent) {
  for (const language of ["curl", "python", "javascript"]) {
    $(language).textContent = snippets[language](address(path), { ...sent, gives: about.gives[path] }, about.token);
  }
}

/** One panel: an input on the left, its answer on the right. */
class Panel {
  constructor(name, path, summary, description) {
    this.path = path;
    this.result = element("section", { className: "result-box", attributes: { "aria-live": "polite", "aria-label": "Answer" } },
      element("p", { className: "soft" }, "The answer appears here."));
    this.send = element("button", { className: "primary" }, path === "predict" ? "Ask the model" : "Send");
    this.form = element("form", {});
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.ask(); });
    const texts = [...(summary ? [element("p", { className: "summary" }, summary)] : []), ...(description ? [element("p", { className: "soft" }, description)] : [])];
    this.view = element("div", { id: `panel-${name}`, className: "panel", attributes: { role: "tabpanel", "aria-labelledby": `tab-${name}` } },
      ...texts, element("div", { className: "columns" }, this.form, this.result));
  }

  use(input) {
    this.input = input;
    this.form.replaceChildren(input.view, this.send);
  }

  sample() {
    const { sample } = this.input;
    try {
      return typeof sample === "function" ? sample.call(this.input) : sample ?? this.input.read();
    } catch {
      return { type: "application/json", body: "{}" };
    }
  }

  async ask() {
    this.send.disabled = true;
    this.result.classList.add("busy");
    const answer = element("div", {});
    try {
      const sent = this.input.read();
      showCode(this.path, sent);
      const started = performance.now();
      const streams = this.path === "predict" && about.form.streams;
      const headers = headersFor(sent.type, streams ? "application/x-ndjson" : "");
      const response = await fetch(this.path, { method: "POST", headers, body: sent.body });
      if (!response.ok) throw await problem(response);
      sessionStorage.setItem(KEY, $("token").value.trim());
      $("token-row").hidden = true;
      this.result.replaceChildren(answer);
      let version = "";
      if (this.path === "predict") {
        const content = streams ? await readPieces(response, answer) : await response.json();
        version = `, version ${content.version}`;
        const warnings = (content.warnings ?? []).map((text) => element("p", { className: "soft" }, `Note: ${text}`));
        answer.replaceChildren(...showPredictions(content.predictions, about.form.answer, sent), ...warnings);
      } else {
        await showResponse(response, answer);
      }
      this.result.append(element("p", { className: "timing" }, `${Math.max(1, Math.round(performance.now() - started))} ms${version}`));
    } catch (error) {
      this.result.replaceChildren(element("p", { className: "error", attributes: { role: "alert" } }, error.message));
    } finally {
      this.send.disabled = false;
      this.result.classList.remove("busy");
    }
  }
}

async function problem(response) {
  if (response.status === 401) $("token-row").hidden = false;
  try {
    const { error, message } = await response.json();
    return new Error(error ?? message ?? `The service answered ${response.status}.`);
  } catch {
    return new Error(`The service answered ${response.status}.`);
  }
}

/** What a route answers, as its description says: json, text or bytes. */
function kindOf({ responses }) {
  const type = Object.keys(responses[200].content ?? {})[0] ?? "application/json";
  return type === "application/json" ? "json" : /^text|ndjson/.test(type) ? "text" : "bytes";
}

function panels(openapi) {
  const schema = openapi.paths["/predict"].post.requestBody.content["application/json"].schema;
  const model = new Panel("model", "predict", "", "");
  model.use(modelInput(about, schema, () => model.ask()));
  const routes = Object.entries(openapi.paths).filter(([, methods]) => methods.post?.tags?.includes("routes"));
  const own = routes.map(([path, { post }]) => {
    const name = path.slice(1);
    about.gives[name] = kindOf(post);
    const panel = new Panel(name, name, post.summary, post.description);
    panel.use(routeForm(name, post.requestBody.content["application/json"].schema, openapi.components.schemas));
    return panel;
  });
  return [...own, model];
}

function showTabs(every) {
  const list = $("tabs");
  for (const panel of every) {
    const name = panel.view.id.slice("panel-".length);
    const words = panel.path === "predict" ? "the model itself" : `/${name}`;
    list.append(element("button", { type: "button", id: `tab-${name}`, attributes: { role: "tab", "aria-controls": panel.view.id } }, words));
  }
  $("panels").replaceChildren(...every.map((panel) => panel.view));
  const choose = tabs(list, (tab) => {
    const panel = every.find((other) => other.view.id === tab.getAttribute("aria-controls"));
    showCode(panel.path, panel.sample());
  });
  list.hidden = every.length === 1;
  choose(list.firstElementChild);
}

/** Without a token of its own the page may still be let in, by Jupyter: ask before asking for it. */
async function checkToken() {
  if (!about.token || $("token").value) return;
  const answer = await fetch("metrics", { headers: headersFor("") });
  $("token-row").hidden = answer.status !== 401;
}

function wireButtons() {
  $("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.style.colorScheme || (dark ? "dark" : "light");
    document.documentElement.style.colorScheme = now === "dark" ? "light" : "dark";
  });
  tabs(document.querySelector(".code [role=tablist]"));
  $("copy").addEventListener("click", async () => {
    const shown = document.querySelector(".code pre:not([hidden])");
    try {
      await navigator.clipboard.writeText(shown.textContent);
      $("copy").textContent = "Copied";
    } catch { // not allowed here: ready to be copied by hand
      getSelection().selectAllChildren(shown);
      $("copy").textContent = "Selected";
    }
    setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
  });
}

async function start() {
  const token = readFragment();
  wireButtons();
  const openapi = await (await fetch("openapi.json")).json();
  about = { gives: {}, ...openapi["x-lepton"] };
  document.title = about.name;
  $("title").textContent = about.name;
  $("about").textContent = `${about.model} · ${about.task.replaceAll("-", " ")} · version ${about.version}`;
  $("token").value = token;
  showTabs(panels(openapi));
  await checkToken();
}

start().catch((error) => {
  $("panels").replaceChildren(element("p", { className: "error" }, `The service does not answer: ${error.message}`));
});
