// What came back, for people: bars for classes, a number for a value, a table for many, else what it is.

import { element } from "./dom.js";

const MOST_BARS = 8;
const MOST_ROWS = 200;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function bar(name, share, best) {
  const fill = element("i");
  fill.style.width = percent(share).replace(" ", "");
  return element("div", { className: best ? "bar best" : "bar" },
    element("span", { className: "name", title: name }, name),
    element("span", { className: "track", attributes: { "aria-hidden": "true" } }, fill),
    element("span", { className: "value" }, percent(share)));
}

function number(value) {
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
}

function folded(value) {
  const raw = element("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2));
  return element("details", {}, element("summary", {}, "JSON"), raw);
}

function one(prediction) {
  const parts = [];
  if ("label" in prediction) {
    // Of two classes with one logit, the score is the positive one's.
    const score = prediction.scores?.[prediction.label] ?? prediction.score;
    const sure = score === undefined ? [] : [element("small", {}, percent(score))];
    parts.push(element("div", { className: "answer" }, prediction.label, ...sure));
  } else if ("labels" in prediction) {
    parts.push(element("div", { className: "answer" }, prediction.labels.join(", ") || element("small", {}, "no label")));
  } else if ("value" in prediction) {
    parts.push(element("div", { className: "answer" }, element("small", {}, `${prediction.name}: `), [].concat(prediction.value).map(number).join(", ")));
  }
  // An object keeps names that are numbers in their own order, whatever order they came in.
  const scores = Object.entries(prediction.scores ?? {}).sort(([, a], [, b]) => b - a).slice(0, MOST_BARS);
  if (scores.length) parts.push(element("div", { className: "bars" }, ...scores.map(([name, score], index) => bar(name, score, index === 0))));
  return [...parts, folded(prediction)];
}

function many(predictions) {
  const flat = (value) => typeof value !== "object" || Array.isArray(value);
  const keys = Object.keys(predictions[0]).filter((key) => flat(predictions[0][key]) && key !== "index");
  const cell = (value) => element("td", {}, Array.isArray(value) ? value.map(number).join(", ") : number(value));
  const rows = predictions.slice(0, MOST_ROWS).map((item, index) => element("tr", {}, cell(index + 1), ...keys.map((key) => cell(item[key]))));
  const head = element("tr", {}, ...["row", ...keys].map((name) => element("th", { scope: "col" }, name)));
  const note = predictions.length > MOST_ROWS ? [element("p", { className: "soft" }, `and ${predictions.length - MOST_ROWS} more`)] : [];
  return [
    element("div", { className: "answer" }, `${predictions.length} rows`),
    element("div", { className: "scroll", tabIndex: 0 }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))),
    ...note,
  ];
}

/** The answer of the model itself: one prediction an item. */
export function showPredictions(predictions) {
  return predictions.length === 1 ? one(predictions[0]) : many(predictions);
}

/** JSON of a route of the user's own: drawn as a prediction where it is shaped like one. */
function showJson(value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    if ("label" in value && "scores" in value) return one(value);
    const flat = Object.entries(value).filter(([, part]) => part === null || typeof part !== "object");
    if (flat.length && flat.length === Object.keys(value).length) {
      const rows = flat.map(([name, part]) => element("div", {}, element("dt", {}, name), element("dd", {}, number(part))));
      return [element("dl", { className: "facts" }, ...rows), folded(value)];
    }
  }
  if (value === null || typeof value !== "object") return [element("div", { className: "answer" }, number(value))];
  return [element("pre", { tabIndex: 0 }, JSON.stringify(value, null, 2))];
}

/** Whatever a route answers, as it arrives. */
export async function showResponse(response, place) {
  const type = (response.headers.get("content-type") ?? "").split(";")[0];
  if (type === "application/json") {
    place.replaceChildren(...showJson(await response.json()));
  } else if (type.startsWith("image/")) {
    place.replaceChildren(element("img", { className: "result", alt: "the picture that came back", src: URL.createObjectURL(await response.blob()) }));
  } else if (type.startsWith("audio/")) {
    place.replaceChildren(element("audio", { controls: true, src: URL.createObjectURL(await response.blob()) }));
  } else if (type.startsWith("text/") || type === "application/x-ndjson") {
    const text = element("pre", { className: "stream", tabIndex: 0 });
    place.replaceChildren(text);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text.append(piece.value);
  } else {
    const blob = await response.blob();
    const link = element("a", { href: URL.createObjectURL(blob), download: "answer" }, `Save ${blob.size.toLocaleString("en")} bytes`);
    place.replaceChildren(link);
  }
}
