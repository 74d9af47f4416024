// A chart of lines over epochs, drawn as SVG. Needs elements.js in front of it.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const MARGIN = { left: 52, right: 12, top: 10, bottom: 34 };

function svg(tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

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
    this.title = html("h3", {}, title);
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
