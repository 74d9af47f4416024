// The live panel of a training run. Python sends `info` once, `progress` a few times a second, and new points
// as patches; the buttons send {ask: "stop" | "pause" | "resume"}.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const MARGIN = { left: 52, right: 12, top: 10, bottom: 34 };
const PHASES = {
  starting: "Starting", training: "Training", validating: "Validating", paused: "Paused",
  finished: "Finished", stopped: "Stopped", failed: "Failed",
};
const SILENCE = 20; // seconds without news after which the panel says so

// ---- words -------------------------------------------------------------------------------------------------

function figure(value) {
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  if (size >= 10) return value.toFixed(2);
  if (size >= 0.001 || size === 0) return value.toFixed(4);
  return value.toExponential(2);
}

function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

function bytes(count) {
  return count < 1e9 ? `${(count / 1e6).toFixed(0)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

function metricTitle(name) {
  return name.replace(/^val_/, "validation ").replace(/^train_/, "training ").replaceAll("_", " ");
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// ---- elements ----------------------------------------------------------------------------------------------

function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function svg(tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

// ---- charts ------------------------------------------------------------------------------------------------

/** Round values between low and high, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) found.push(value);
  return { values: found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** The points of a noisy curve averaged over about a thirtieth of its length. */
function smooth({ x, y }) {
  const window = x.length / 30;
  if (window < 2) return { x, y };
  const keep = 1 - 2 / (window + 1);
  let mean = 0;
  let weight = 0;
  return {
    x,
    y: y.map((value) => {
      mean = keep * mean + (1 - keep) * value;
      weight = keep * weight + (1 - keep);
      return mean / weight;
    }),
  };
}

function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
}

/**
 * Lines over epochs with axes, grid and a legend that reads out the values under the pointer.
 * A line is {label, kind: "train" | "val", x, y, noise?: {x, y}}, with x in epochs (or steps).
 */
class Chart {
  constructor(title, unit, waiting) {
    this.unit = unit;
    this.waiting = waiting;
    this.lines = [];
    this.at = null; // the x under the pointer
    this.title = html("h4", {}, title);
    this.head = html("div", { class: "lepton-chart-head" }, this.title);
    this.legend = html("div", { class: "lepton-legend" });
    this.canvas = svg("svg", { height: HEIGHT, tabindex: 0, role: "img" });
    this.element = html("figure", { class: "lepton-chart" }, this.head, this.legend, this.canvas);
    this.canvas.addEventListener("pointermove", (event) => {
      this.at = this.toX(event.clientX - this.canvas.getBoundingClientRect().left);
      this.draw();
    });
    for (const leave of ["pointerleave", "blur"]) {
      this.canvas.addEventListener(leave, () => { this.at = null; this.draw(); });
    }
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(lines) {
    this.lines = lines.filter((line) => line.x.length);
    this.draw();
  }

  toX(pixel) {
    const [low, high] = this.rangeX;
    const share = (pixel - MARGIN.left) / Math.max(1, this.width - MARGIN.left - MARGIN.right);
    return Math.min(high, Math.max(low, low + share * (high - low)));
  }

  /** Left and right move the read-out from point to point; Escape puts it away. */
  onKey(event) {
    const longest = this.lines.reduce((a, b) => (b.x.length > a.length ? b.x : a), []);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") this.at = null;
    else if (step && longest.length) {
      const stride = Math.max(1, Math.round(longest.length / 60));
      const here = this.at === null ? longest.length - 1 : nearest(longest, this.at) + step * stride;
      this.at = longest[Math.min(longest.length - 1, Math.max(0, here))];
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }

  /** Ranges of both axes: all of x; of y what the smoothed lines need, so that one spike hides nothing. */
  measure() {
    const xs = this.lines.flatMap((line) => [line.x[0], line.x[line.x.length - 1]]);
    const ys = this.lines.flatMap((line) => line.y);
    let [low, high] = [Math.min(...ys), Math.max(...ys)];
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    this.rangeX = [Math.min(0, ...xs), Math.max(...xs) || 1];
    low = low >= 0 ? Math.max(0, low - room) : low - room;
    this.rangeY = [low, high + room];
  }

  draw() {
    this.width = this.canvas.clientWidth || 360;
    this.canvas.replaceChildren();
    this.drawLegend();
    if (!this.lines.length) {
      this.canvas.append(svg("text", { x: this.width / 2, y: HEIGHT / 2, class: "lepton-empty" }, this.waiting));
      return;
    }
    this.measure();
    const [x0, x1] = [MARGIN.left, this.width - MARGIN.right];
    const [y0, y1] = [HEIGHT - MARGIN.bottom, MARGIN.top];
    const scale = ([low, high], from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
    const toPixelX = scale(this.rangeX, x0, x1);
    const toPixelY = scale(this.rangeY, y0, y1);
    this.drawAxes(toPixelX, toPixelY, x0, x1, y0);
    const clip = `lepton-clip-${Chart.count = (Chart.count || 0) + 1}`;
    const area = svg("clipPath", { id: clip });
    area.append(svg("rect", { x: x0 - 4, y: y1 - 4, width: Math.max(0, x1 - x0 + 8), height: y0 - y1 + 8 }));
    const plot = svg("g", { "clip-path": `url(#${clip})` });
    this.canvas.append(area, plot);
    for (const line of this.lines) {
      if (line.noise) plot.append(this.path(line.noise, toPixelX, toPixelY, `lepton-noise lepton-${line.kind}`));
      plot.append(this.path(line, toPixelX, toPixelY, `lepton-line lepton-${line.kind}`));
      if (line.x.length <= 30 && !line.noise) {
        for (const [i, x] of line.x.entries()) {
          plot.append(svg("circle", { cx: toPixelX(x), cy: toPixelY(line.y[i]), r: 2.6, class: `lepton-dot lepton-${line.kind}` }));
        }
      }
    }
    if (this.at !== null) this.drawReadOut(plot, toPixelX, toPixelY, y0, y1);
    this.canvas.setAttribute("aria-label", this.describe());
  }

  path({ x, y }, toPixelX, toPixelY, name) {
    const points = x.map((value, i) => `${toPixelX(value).toFixed(1)},${toPixelY(y[i]).toFixed(1)}`);
    return svg("polyline", { points: points.join(" "), class: name });
  }

  drawAxes(toPixelX, toPixelY, x0, x1, y0) {
    const vertical = ticks(...this.rangeY, 5);
    for (const value of vertical.values) {
      const y = toPixelY(value);
      this.canvas.append(
        svg("line", { x1: x0, x2: x1, y1: y, y2: y, class: "lepton-grid" }),
        svg("text", { x: x0 - 8, y: y + 3.5, class: "lepton-tick-y" }, value.toFixed(vertical.digits)),
      );
    }
    const across = ticks(...this.rangeX, Math.max(2, Math.min(8, (x1 - x0) / 70)));
    for (const value of across.values) {
      this.canvas.append(svg("text", { x: toPixelX(value), y: y0 + 15, class: "lepton-tick-x" }, value.toFixed(across.digits)));
    }
    this.canvas.append(svg("text", { x: (x0 + x1) / 2, y: HEIGHT - 3, class: "lepton-axis" }, this.unit));
  }

  drawReadOut(plot, toPixelX, toPixelY, y0, y1) {
    const x = toPixelX(this.at);
    plot.append(svg("line", { x1: x, x2: x, y1: y0, y2: y1, class: "lepton-cursor" }));
    for (const line of this.lines) {
      const i = nearest(line.x, this.at);
      plot.append(svg("circle", { cx: toPixelX(line.x[i]), cy: toPixelY(line.y[i]), r: 3.6, class: `lepton-dot lepton-${line.kind}` }));
    }
  }

  drawLegend() {
    const entries = this.lines.map((line) => {
      const i = this.at === null ? line.x.length - 1 : nearest(line.x, this.at);
      return html("span", { class: `lepton-entry lepton-${line.kind}` }, html("i"), `${line.label} `, html("b", {}, figure(line.y[i])));
    });
    if (this.at !== null && this.lines.length) entries.push(html("span", { class: "lepton-at" }, `${this.unit} ${this.at.toFixed(1)}`));
    this.legend.replaceChildren(...entries);
  }

  describe() {
    const parts = this.lines.map((line) => `${line.label} ${figure(line.y[line.y.length - 1])}`);
    return `${this.title.textContent}: ${parts.join(", ")}. Arrow keys read out values.`;
  }
}

// ---- the panel ---------------------------------------------------------------------------------------------

class Panel {
  constructor(model, el) {
    this.model = model;
    this.info = model.get("info");
    this.asked = null; // what was clicked, until the loop has obeyed
    this.heardAt = Date.now();
    this.spoken = "";
    const info = this.info;

    this.badge = html("span", { class: "lepton-badge" });
    this.pause = html("button", { type: "button" });
    this.stop = html("button", { type: "button", class: "lepton-stop" }, "Stop");
    this.fill = html("div");
    this.bar = html("div", { class: "lepton-bar", role: "progressbar", "aria-label": "steps done", "aria-valuemin": 0 }, this.fill);
    this.done = html("span");
    this.left = html("span", { class: "lepton-left" });
    this.facts = html("dl", { class: "lepton-facts" });
    this.note = html("p", { class: "lepton-note", hidden: "" });
    this.live = html("p", { class: "lepton-spoken", role: "status", "aria-live": "polite" });
    const unit = info.steps_per_epoch ? "epoch" : "step";
    this.loss = new Chart("Loss", unit, "from the first step on");
    this.metric = new Chart("", unit, "after the first epoch");
    this.metric.title.remove();
    this.picker = html("select", { "aria-label": "metric shown" });
    this.metric.head.append(this.picker);

    el.append(html("section", { class: "lepton-panel", "aria-label": `Training ${info.name}` },
      html("header", {},
        this.badge,
        html("span", { class: "lepton-name" }, html("strong", {}, info.name), ` ${info.model} on ${info.data}`),
        html("span", { class: "lepton-buttons" }, this.pause, this.stop)),
      this.bar,
      html("div", { class: "lepton-where" }, this.done, this.left),
      html("div", { class: "lepton-charts" }, this.loss.element, this.metric.element),
      this.facts, this.note, this.live));

    this.pause.addEventListener("click", () => this.ask(this.model.get("progress").phase === "paused" ? "resume" : "pause"));
    this.stop.addEventListener("click", () => this.ask("stop"));
    this.picker.addEventListener("change", () => this.drawCurves());
  }

  ask(action) {
    this.asked = action;
    this.model.send({ ask: action });
    this.drawProgress();
  }

  drawProgress() {
    const { info } = this;
    const now = this.model.get("progress");
    const paused = now.phase === "paused";
    const obeyed = { pause: paused, resume: !paused, stop: false }[this.asked];
    if (obeyed) this.asked = null;
    const stopping = now.stopping || this.asked === "stop";
    this.badge.textContent = stopping ? "Stopping…" : this.asked === "pause" ? "Pausing…" : PHASES[now.phase];
    this.badge.dataset.phase = stopping ? "stopping" : now.phase;
    this.pause.textContent = paused ? "Resume" : "Pause";
    this.pause.disabled = stopping || this.asked !== null;
    this.stop.disabled = stopping;

    const share = now.total_steps ? now.step / now.total_steps : 0;
    this.fill.style.width = `${(100 * share).toFixed(2)}%`;
    this.bar.setAttribute("aria-valuemax", now.total_steps || 0);
    this.bar.setAttribute("aria-valuenow", now.step);
    const steps = now.total_steps ? `${now.step.toLocaleString("en")} of ${now.total_steps.toLocaleString("en")}` : now.step;
    this.done.textContent = `Epoch ${Math.min(now.epoch + 1, info.epochs)} of ${info.epochs} · step ${steps}`;
    const left = now.eta === null ? "" : `about ${duration(now.eta)} left`;
    this.left.textContent = [`${duration(now.elapsed)} so far`, left].filter(Boolean).join(" · ");
    this.drawFacts(now);
    this.drawNote(now);
    this.speak(now);
  }

  drawFacts(now) {
    const { info } = this;
    const best = now.best_value === null ? "none yet" : `${figure(now.best_value)} in epoch ${now.best_epoch + 1}`;
    const facts = [
      [`Best ${metricTitle(info.monitor)}`, best],
      ["Speed", now.items_per_second ? `${figureOf(now.items_per_second)} items/s` : "…"],
      ["Learning rate", now.lr.toPrecision(3).replace(/\.?0+(e|$)/, "$1")],
      ["Memory", bytes(now.memory)],
      ["Device", `${info.device}: ${info.device_reason}`],
    ];
    this.facts.replaceChildren(...facts.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
  }

  drawNote(now) {
    const silent = (Date.now() - this.heardAt) / 1000;
    let text = "";
    if (this.asked && silent > 3) {
      text = "It takes effect after the current step. If nothing happens, interrupt the kernel (■): that stops the run gracefully, too.";
    } else if (silent > SILENCE && now.phase !== "paused") {
      text = `No news for ${duration(silent)}: a long step or validation, or the kernel has gone.`;
    }
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /** One sentence an epoch for screen readers, not one a step. */
  speak(now) {
    const text = `${this.badge.textContent}, epoch ${Math.min(now.epoch + 1, this.info.epochs)} of ${this.info.epochs}`;
    if (text !== this.spoken) this.live.textContent = this.spoken = text;
  }

  drawCurves() {
    const curves = this.model.get("curves");
    const per = this.info.steps_per_epoch || 1;
    const line = (name, kind, label) => {
      const { x, y } = curves[name] || { x: [], y: [] };
      return { kind, label, x: x.map((step) => step / per), y };
    };
    const loss = line("loss", "train", "training");
    const calm = smooth(loss);
    this.loss.show([{ ...loss, ...calm, noise: calm.y === loss.y ? undefined : loss }, line("val_loss", "val", "validation")]);

    const isMetric = (name) => name.startsWith("val_") && name !== "val_loss";
    const names = [...new Set([this.info.monitor, ...Object.keys(curves).sort()])].filter(isMetric);
    if (names.join() !== [...this.picker.options].map((option) => option.value).join()) {
      const chosen = this.picker.value;
      this.picker.replaceChildren(...names.map((name) => html("option", { value: name }, capital(metricTitle(name)))));
      if (names.includes(chosen)) this.picker.value = chosen;
    }
    this.picker.disabled = names.length < 2;
    this.metric.element.hidden = !names.length;
    const name = this.picker.value;
    this.metric.show(name ? [line(name, "val", metricTitle(name).replace("validation ", ""))] : []);
  }
}

function figureOf(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** Bring the model's curves up to date, so that a view made later has every point. */
function apply(model, patch) {
  const curves = { ...model.get("curves") };
  for (const [name, { from, x, y }] of Object.entries(patch)) {
    const old = curves[name] || { x: [], y: [] };
    curves[name] = { x: old.x.slice(0, from).concat(x), y: old.y.slice(0, from).concat(y) };
  }
  model.set("curves", curves);
}

export default {
  initialize({ model }) {
    const onMessage = (message) => message.patch && apply(model, message.patch);
    model.on("msg:custom", onMessage);
    return () => model.off("msg:custom", onMessage);
  },

  render({ model, el }) {
    const panel = new Panel(model, el);
    const onProgress = () => { panel.heardAt = Date.now(); panel.drawProgress(); };
    const onCurves = () => panel.drawCurves();
    model.on("change:progress", onProgress);
    model.on("change:curves", onCurves);
    const resized = new ResizeObserver(() => { panel.loss.draw(); panel.metric.draw(); });
    resized.observe(el);
    const clock = setInterval(() => panel.drawNote(model.get("progress")), 1000);
    panel.drawProgress();
    panel.drawCurves();
    return () => {
      clearInterval(clock);
      resized.disconnect();
      model.off("change:progress", onProgress);
      model.off("change:curves", onCurves);
    };
  },
};
