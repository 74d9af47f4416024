// The table of runs. Python sends `rows`; the page sorts, filters and selects, and asks {ask: "look"} while a run
// is in training. Needs elements.js and enhanced.js in front of it.

const LOOK = 3000; // milliseconds between two looks at runs in training
const SVG = "http://www.w3.org/2000/svg";

function ago(since) {
  const seconds = Math.max(0, Date.now() / 1000 - since);
  if (seconds < 60) return "now";
  const [size, unit] = [[86400, "d"], [3600, "h"], [60, "min"]].find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

const COLUMNS = [
  { key: "ref", title: "Run", value: (row) => row.ref.toLowerCase() },
  { key: "status", title: "Status", value: (row) => row.status },
  { key: "best", title: "Best", value: (row) => row.best, numeric: true, first: "descending" },
  { key: "trend", title: "Trend" },
  { key: "epochs", title: "Epochs", value: (row) => row.epoch, numeric: true },
  { key: "time", title: "Time", value: (row) => row.seconds, numeric: true },
  { key: "started", title: "Started", value: (row) => row.created_at, numeric: true, first: "descending" },
  { key: "model", title: "Model", value: (row) => row.model.toLowerCase() },
  { key: "data", title: "Data", value: (row) => row.data.toLowerCase() },
  { key: "tags", title: "Tags", value: (row) => row.tags },
];

/** The values as a small line; what it says stands beside it for those who do not see it. */
function sparkline({ trend, trend_of: name }) {
  if (trend.length < 2) return "";
  const [width, height] = [84, 20];
  const [low, high] = [Math.min(...trend), Math.max(...trend)];
  const x = (i) => 1 + (i / (trend.length - 1)) * (width - 5);
  const y = (value) => height - 3 - ((value - low) / (high - low || 1)) * (height - 6);
  const svg = document.createElementNS(SVG, "svg");
  const text = `${name} from ${figure(trend[0])} to ${figure(trend[trend.length - 1])}`;
  for (const [key, value] of Object.entries({ width, height, role: "img", "aria-label": text })) svg.setAttribute(key, value);
  const title = document.createElementNS(SVG, "title");
  title.textContent = text;
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", trend.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" "));
  const dot = document.createElementNS(SVG, "circle");
  for (const [key, value] of Object.entries({ cx: x(trend.length - 1), cy: y(trend[trend.length - 1]), r: 2 })) dot.setAttribute(key, value);
  svg.append(title, line, dot);
  return svg;
}

class RunTable {
  constructor(model, element) {
    this.model = model;
    this.element = element;
    this.sort = { key: "started", direction: "descending" };
    this.chosen = new Set();
    this.search = html("input", { type: "search", placeholder: "Filter", "aria-label": "Filter runs by name, model, data, tag or note" });
    this.state = html("select", { class: "lepton-select", "aria-label": "Status" });
    this.count = html("span", { class: "lepton-count", role: "status", "aria-live": "polite" });
    this.head = html("tr");
    this.body = html("tbody");
    this.line = html("code");
    this.copy = html("button", { type: "button" }, "Copy");
    this.foot = html("p", { class: "lepton-foot", hidden: "" }, this.line, this.copy);
    element.replaceChildren(html("section", { class: "lepton-panel lepton-runs", "aria-label": "Runs" },
      html("div", { class: "lepton-tools" }, this.search, this.state, this.count),
      html("div", { class: "lepton-scroll", tabindex: 0, role: "region", "aria-label": "Table of runs" },
        html("table", {}, html("thead", {}, this.head), this.body)),
      this.foot));
    this.search.addEventListener("input", () => this.draw());
    this.search.addEventListener("keydown", (event) => event.stopPropagation());
    this.state.addEventListener("change", () => this.draw());
    this.copy.addEventListener("click", () => copyText(this.line.textContent, this.copy));
    this.body.addEventListener("change", (event) => this.choose(event.target));
    this.drawHead();
    this.draw();
  }

  drawHead() {
    const cells = COLUMNS.map((column) => {
      const cell = html("th", { scope: "col", class: column.numeric ? "lepton-number" : "" });
      if (!column.value) {
        cell.append(column.title);
        return cell;
      }
      const sorted = this.sort.key === column.key;
      cell.setAttribute("aria-sort", sorted ? this.sort.direction : "none");
      const mark = html("span", { "aria-hidden": "true" }, sorted ? (this.sort.direction === "ascending" ? "▲" : "▼") : "");
      const button = html("button", { type: "button" }, column.title, mark);
      button.addEventListener("click", () => this.sortBy(column));
      cell.append(button);
      return cell;
    });
    const focused = [...this.head.children].findIndex((cell) => cell.contains(document.activeElement));
    this.head.replaceChildren(html("th", { scope: "col" }, html("span", { class: "lepton-spoken" }, "Compare")), ...cells);
    if (focused > 0) this.head.children[focused].querySelector("button")?.focus();
  }

  sortBy(column) {
    const first = column.first || "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const again = this.sort.key === column.key && this.sort.direction === first;
    this.sort = { key: column.key, direction: again ? other : first };
    this.drawHead();
    this.draw();
  }

  /** The rows that fit the filter, in order; those without a value come last either way. */
  shown() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (row) => [row.ref, row.status, row.model, row.data, row.tags, row.notes].join(" ").toLowerCase();
    const fits = (row) => (!this.state.value || row.status === this.state.value) && words.every((word) => text(row).includes(word));
    const { value } = COLUMNS.find((column) => column.key === this.sort.key);
    const sign = this.sort.direction === "ascending" ? 1 : -1;
    return this.model.get("rows").filter(fits).sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left === null || left === "" || right === null || right === "") return (left === null || left === "") - (right === null || right === "");
      return sign * (left < right ? -1 : left > right ? 1 : 0);
    });
  }

  draw() {
    const all = this.model.get("rows");
    const states = [...new Set(all.map((row) => row.status))].sort();
    const before = this.state.value;
    this.state.replaceChildren(html("option", { value: "" }, "Any status"), ...states.map((name) => html("option", { value: name }, name)));
    if (states.includes(before)) this.state.value = before;
    const rows = this.shown();
    const focused = document.activeElement?.dataset?.ref;
    this.body.replaceChildren(...rows.map((row) => this.row(row)));
    if (focused) this.body.querySelector(`[data-ref="${CSS.escape(focused)}"]`)?.focus();
    this.count.textContent = rows.length === all.length ? `${all.length} run${all.length === 1 ? "" : "s"}` : `${rows.length} of ${all.length} runs`;
    this.drawFoot();
  }

  row(row) {
    const box = html("input", { type: "checkbox", "data-ref": row.ref, "aria-label": `Compare ${row.ref}` });
    box.checked = this.chosen.has(row.ref);
    const name = html("th", { scope: "row" }, row.ref);
    if (row.notes) name.append(html("span", { class: "lepton-notes" }, row.notes));
    const best = row.best === null ? "" : html("span", {}, html("b", {}, figure(row.best)), html("small", {}, row.monitor.replace(/^val_/, "").replaceAll("_", " ")));
    const cells = [
      html("span", { class: "lepton-status", "data-status": row.status }, html("i", { "aria-hidden": "true" }, RUN_STATES[row.status]?.symbol ?? "–"), row.status, ...(row.queue ? [html("small", {}, row.queue)] : [])),
      best, sparkline(row), `${row.epoch}/${row.epochs}`, duration(row.seconds), ago(row.created_at), row.model, row.data, row.tags,
    ];
    const numeric = COLUMNS.slice(1).map((column) => column.numeric);
    return html("tr", {}, html("td", {}, box), name, ...cells.map((cell, i) => html("td", { class: numeric[i] ? "lepton-number" : "" }, cell)));
  }

  choose(box) {
    if (box.checked) this.chosen.add(box.dataset.ref);
    else this.chosen.delete(box.dataset.ref);
    this.drawFoot();
  }

  /** The line for the chosen runs: to compare several, to measure one. */
  drawFoot() {
    const there = this.model.get("rows").map((row) => row.ref).filter((ref) => this.chosen.has(ref));
    this.foot.hidden = !there.length;
    this.line.textContent = there.length > 1 ? `%lepton compare ${there.join(" ")}` : `%lepton evaluate ${there[0]}`;
  }

  /** Ask for news while a run is in training and the table can be seen. */
  look() {
    const visible = this.element.isConnected && this.element.offsetParent !== null && !document.hidden;
    if (visible && this.model.get("rows").some((row) => RUN_STATES[row.status]?.active)) this.model.send({ ask: "look" });
  }
}

export default {
  initialize({ model }) {
    let table = null;
    const stop = whenShown(model, (element) => { table = new RunTable(model, element); });
    const onRows = () => table?.draw();
    model.on("change:rows", onRows);
    const clock = setInterval(() => table?.look(), LOOK);
    return () => { stop(); clearInterval(clock); model.off("change:rows", onRows); };
  },
};
