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

function best(prediction) {
  // Of two classes with one logit, the score is the positive one's.
  const score = prediction.scores?.[prediction.label] ?? prediction.score;
  const sure = score === undefined ? [] : [element("small", {}, percent(score))];
  return element("div", { className: "answer" }, prediction.label, ...sure);
}

function labels(prediction) {
  return element("div", { className: "answer" }, prediction.labels.join(", ") || element("small", {}, "no label"));
}

function bars(scores, given) {
  // An object keeps names that are numbers in their own order, whatever order they came in.
  const ranked = Object.entries(scores).sort(([, a], [, b]) => b - a).slice(0, MOST_BARS);
  return element("div", { className: "bars" }, ...ranked.map(([name, score], index) => bar(name, score, given ? given.includes(name) : index === 0)));
}

function values(prediction) {
  return element("div", { className: "answer" }, element("small", {}, `${prediction.name}: `), [].concat(prediction.value).map(number).join(", "));
}

/** A file that came back: seen, heard, or kept. */
function shown(blob) {
  const src = URL.createObjectURL(blob);
  if (blob.type.startsWith("image/")) return element("img", { className: "result", alt: "the picture that came back", src });
  if (blob.type.startsWith("audio/")) return element("audio", { controls: true, src });
  return element("a", { href: src, download: "answer" }, `Save ${blob.size.toLocaleString("en")} bytes`);
}

function file({ content, type }) {
  return shown(new Blob([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], { type }));
}

const SVG = "http://www.w3.org/2000/svg";
const HUES = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"]; // Okabe & Ito

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const LIGHT = new Set(["#e69f00", "#56b4e9", "#f0e442", "#cc79a7"]); // dark letters on these

/** A box in a picture: its outline, and its label on a tag over it. */
function outlined({ label, score, box: [left, top, right, bottom] }, stroke, unit) {
  const size = { x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0) };
  const outline = drawn("rect", { ...size, fill: "none", stroke, "stroke-width": 2 * unit, rx: 2 * unit });
  const place = { x: left + 3 * unit, y: Math.max(top - 3 * unit, 11 * unit), "font-size": 11 * unit };
  const name = drawn("text", { ...place, fill: LIGHT.has(stroke) ? "#111" : "#fff" }, `${label} ${Math.round(100 * score)} %`);
  return drawn("g", { fill: stroke }).appendChild(outline).parentNode.appendChild(name).parentNode;
}

/** Put a tag under the label of a box: only what is drawn already has a width. */
function tagged(group, unit) {
  const name = group.lastChild;
  const { x, y, width, height } = name.getBBox();
  group.insertBefore(drawn("rect", { x: x - 3 * unit, y, width: width + 6 * unit, height, rx: 2 * unit }), name);
}

/** What was found, over the picture that was sent. */
function boxes(found, sent) {
  const names = [...new Set(found.map(({ label }) => label))].sort();
  const counts = names.map((label) => `${found.filter((box) => box.label === label).length} ${label}`);
  const answer = element("div", { className: "answer" }, counts.join(", ") || "nothing");
  if (!(sent?.body instanceof Blob) || !sent.body.type.startsWith("image/")) return [answer];
  const picture = element("img", { className: "result", alt: `the picture, with ${answer.textContent}`, src: URL.createObjectURL(sent.body) });
  const over = drawn("svg", { "aria-hidden": "true" });
  picture.addEventListener("load", () => {
    const { naturalWidth: width, naturalHeight: height } = picture;
    over.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const unit = width / Math.max(picture.clientWidth, 1);
    const groups = found.map((box) => outlined(box, HUES[names.indexOf(box.label) % HUES.length], unit)).reverse(); // the best on top
    over.replaceChildren(...groups);
    for (const group of groups) tagged(group, unit);
  });
  return [answer, element("div", { className: "boxes" }, picture, over)];
}

// How one answer is drawn, by the kind that the model's form names; any other is shown as the JSON it is.
const DRAWN = {
  classes: (prediction) => [best(prediction), bars(prediction.scores ?? {}), folded(prediction)],
  labels: (prediction) => [labels(prediction), bars(prediction.scores ?? {}, prediction.labels), folded(prediction)],
  value: (prediction) => [values(prediction), folded(prediction)],
  text: (prediction) => [element("div", { className: "answer" }, prediction.text), folded(prediction)],
  boxes: (prediction, sent) => [...boxes(prediction.boxes, sent), folded(prediction)],
  media: (prediction) => [file(prediction)],
};

function plain(prediction) {
  return [element("pre", { tabIndex: 0 }, JSON.stringify(prediction, null, 2))];
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

/** The answers of the model itself to what was sent, of the kind that its form names. */
export function showPredictions(predictions, kind, sent) {
  const draw = DRAWN[kind] ?? plain;
  if (predictions.length === 1) return draw(predictions[0], sent);
  const alike = kind === "classes" || kind === "labels" || kind === "value" || kind === "text";
  return alike ? many(predictions) : predictions.slice(0, MOST_ROWS).flatMap((prediction) => draw(prediction));
}

/** An answer in pieces, drawn as they come; gives the last line, which is the whole answer. */
export async function readPieces(response, place) {
  const text = element("pre", { className: "stream", tabIndex: 0 });
  place.replaceChildren(text);
  let rest = "";
  let whole;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      whole = JSON.parse(line);
      if ("piece" in whole) text.append(typeof whole.piece === "string" ? whole.piece : `${JSON.stringify(whole.piece)} `);
    }
  }
  if (!whole?.predictions) throw new Error(whole?.error ?? "The answer was cut off.");
  return whole;
}

/** JSON of a route of the user's own: drawn as a prediction where it is shaped like one. */
function showJson(value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    if ("label" in value && "scores" in value) return DRAWN.classes(value);
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
  } else if (type.startsWith("text/") || type === "application/x-ndjson") {
    const text = element("pre", { className: "stream", tabIndex: 0 });
    place.replaceChildren(text);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text.append(piece.value);
  } else {
    place.replaceChildren(shown(await response.blob()));
  }
}
