// The live panel of a training run. Python sends `info` once, `progress` a few times a second, and new points
// as patches; the buttons send {ask: "stop" | "pause" | "resume"} or {ask: "lr", value}. Needs elements.js,
// enhanced.js and chart.js in front of it.

const SILENCE = 20; // seconds without news after which the panel says so

/** Whether a run goes on no more; what it does while it goes on is no state of its own. */
function hasEnded(phase) {
  return phase in RUN_STATES && !RUN_STATES[phase].active;
}

function metricTitle(name) {
  return name.replace(/^val_/, "validation ").replace(/^train_/, "training ").replaceAll("_", " ");
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function rate(value) {
  return value.toPrecision(3).replace(/\.?0+(e|$)/, "$1");
}

function speed(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

class Panel {
  constructor(model, el) {
    this.model = model;
    this.info = model.get("info");
    this.asked = null; // what was clicked, until the loop has obeyed
    this.heardAt = Date.now();
    this.spoken = "";
    const info = this.info;

    this.badge = html("span", { class: "lepton-badge" });
    this.rate = html("button", { type: "button", "aria-expanded": "false" }, "Learning rate");
    this.pause = html("button", { type: "button" });
    this.stop = html("button", { type: "button", class: "lepton-stop" }, "Stop");
    this.fill = html("div");
    this.bar = html("div", { class: "lepton-bar", role: "progressbar", "aria-label": "steps done", "aria-valuemin": 0 }, this.fill);
    this.done = html("span");
    this.left = html("span", { class: "lepton-left" });
    // The box is as wide as its words; JupyterLab's shortcuts must not take what is typed.
    this.value = html("input", { type: "text", inputmode: "decimal", size: 10, required: "", "aria-label": "peak learning rate",
      placeholder: "such as 1e-4" });
    this.form = html("form", { class: "lepton-rate", hidden: "", "data-lm-suppress-shortcuts": "true" },
      html("label", {}, "Peak learning rate ", this.value), html("button", { type: "submit" }, "Set"),
      html("span", {}, "The schedule goes on from it."));
    this.facts = html("dl", { class: "lepton-facts" });
    this.samples = html("ul");
    this.said = html("section", { class: "lepton-samples", hidden: "" }, html("h3", {}, "Answers at the last validation"), this.samples);
    this.note = html("p", { class: "lepton-note", hidden: "" });
    this.live = html("p", { class: "lepton-spoken", role: "status", "aria-live": "polite" });
    const unit = info.steps_per_epoch ? "epoch" : "step";
    this.loss = new Chart("Loss", unit, "from the first step on");
    this.metric = new Chart("", unit, "after the first epoch");
    this.metric.title.remove();
    this.picker = html("select", { "aria-label": "metric shown" });
    this.metric.head.append(this.picker);

    el.append(html("section", { class: "lepton-panel lepton-training", "aria-label": `Training ${info.name}` },
      html("header", {},
        this.badge,
        html("span", { class: "lepton-name" }, html("strong", {}, info.name), ` ${info.model} on ${info.data}`),
        html("span", { class: "lepton-buttons" }, this.rate, this.pause, this.stop)),
      this.form, this.bar,
      html("div", { class: "lepton-where" }, this.done, this.left),
      this.charts = html("div", { class: "lepton-charts" }, this.loss.element, this.metric.element),
      this.said, this.facts, this.note, this.live));

    this.pause.addEventListener("click", () => this.ask(this.model.get("progress").phase === "paused" ? "resume" : "pause"));
    this.stop.addEventListener("click", () => this.ask("stop"));
    this.picker.addEventListener("change", () => this.drawCurves());
    this.rate.addEventListener("click", () => this.openRate(this.form.hidden));
    this.value.addEventListener("input", () => this.value.setCustomValidity(""));
    this.form.addEventListener("submit", (event) => this.setRate(event));
    this.form.addEventListener("keydown", (event) => { if (event.key === "Escape") this.openRate(false); });
  }

  openRate(open) {
    this.form.hidden = !open;
    this.rate.setAttribute("aria-expanded", String(open));
    if (!open) return this.rate.focus();
    this.value.value = "";
    return this.value.focus();
  }

  setRate(event) {
    event.preventDefault();
    const value = Number(this.value.value);
    if (!(value >= 0 && value < Infinity)) {
      this.value.setCustomValidity("Give a number such as 0.0001 or 1e-4.");
      this.value.reportValidity();
      return;
    }
    this.model.send({ ask: "lr", value });
    this.openRate(false);
    this.live.textContent = this.spoken = `Peak learning rate ${rate(value)} asked for`;
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
    const queued = now.phase === "queued";
    const ended = hasEnded(now.phase);
    if (ended) this.asked = null;
    const obeyed = { pause: paused, resume: !paused, stop: false }[this.asked];
    if (obeyed) this.asked = null;
    const stopping = !ended && (now.stopping || this.asked === "stop");
    this.badge.textContent = stopping ? "Stopping…" : this.asked === "pause" ? "Pausing…" : PHASES[now.phase];
    this.badge.dataset.kind = stopping ? "waiting" : RUN_STATES[now.phase]?.kind ?? "live";
    this.pause.textContent = paused ? "Resume" : "Pause";
    this.pause.disabled = ended || stopping || this.asked !== null;
    this.stop.disabled = ended || stopping;
    this.stop.textContent = queued ? "Cancel" : "Stop";
    this.rate.disabled = ended || stopping || now.phase === "starting";
    for (const part of [this.rate, this.pause, this.bar, this.charts, this.facts]) part.hidden = queued;
    if (queued || this.rate.disabled) this.form.hidden = true;

    const share = now.total_steps ? now.step / now.total_steps : 0;
    this.fill.style.width = `${(100 * share).toFixed(2)}%`;
    this.bar.setAttribute("aria-valuemax", now.total_steps || 0);
    this.bar.setAttribute("aria-valuenow", now.step);
    const steps = now.total_steps ? `${now.step.toLocaleString("en")} of ${now.total_steps.toLocaleString("en")}` : now.step;
    this.done.textContent = `Epoch ${Math.min(now.epoch + 1, info.epochs)} of ${info.epochs} · step ${steps}`;
    const left = now.eta === null || ended ? "" : `about ${duration(now.eta)} left`;
    this.left.textContent = [`${duration(now.elapsed)}${ended ? "" : " so far"}`, left].filter(Boolean).join(" · ");
    if (queued) {
      this.done.textContent = capital(now.place || "its turn is about to come");
      this.left.textContent = `${info.epochs} epochs`;
    } else if (now.phase === "starting") {
      this.done.textContent = "Loading torch, the model and the data";
      this.left.textContent = `${info.epochs} epochs`;
    }
    this.drawSamples(now.samples || []);
    this.drawFacts(now);
    this.drawNote(now);
    this.speak(now);
  }

  drawSamples(lines) {
    this.said.hidden = !lines.length;
    this.samples.replaceChildren(...lines.map((line) => html("li", {}, line)));
  }

  drawFacts(now) {
    const { info } = this;
    const best = now.best_value === null ? "none yet" : `${figure(now.best_value)} in epoch ${now.best_epoch + 1}`;
    const pairs = [
      [`Best ${metricTitle(info.monitor)}`, best],
      ["Speed", now.items_per_second ? `${speed(now.items_per_second)} items/s` : "…"],
      ["Learning rate", now.lr ? rate(now.lr) : "…"],
      ["Memory", now.memory ? bytes(now.memory) : "…"],
      ["Device", [info.device, info.device_reason].filter(Boolean).join(": ")],
    ];
    this.facts.replaceChildren(...facts(pairs));
  }

  drawNote(now) {
    const silent = (Date.now() - this.heardAt) / 1000;
    let text = "";
    const { attached } = this.info;
    if (this.asked && silent > 3) {
      text = "It takes effect after the current step.";
      if (!attached) text += " If nothing happens, interrupt the kernel (■): that stops the run gracefully, too.";
    } else if (silent > SILENCE && !["paused", "queued"].includes(now.phase) && !hasEnded(now.phase)) {
      text = `No news for ${duration(silent)}: a long step or validation${attached ? "" : ", or the kernel has gone"}.`;
    }
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /** One sentence an epoch for screen readers, not one a step. */
  speak(now) {
    const where = now.phase === "queued" ? this.done.textContent : `epoch ${Math.min(now.epoch + 1, this.info.epochs)} of ${this.info.epochs}`;
    const text = `${this.badge.textContent}, ${where}`;
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
    this.metric.title.textContent = capital(metricTitle(name));
    this.metric.show(name ? [line(name, "val", metricTitle(name).replace("validation ", ""))] : []);
  }
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

/** Draw a panel into the element; what this returns takes it away. */
function show(model, el) {
  const panel = new Panel(model, el);
  let beat;
  const onProgress = () => {
    const { heartbeat, phase } = model.get("progress");
    // Of a run in another process only its heartbeat is news; the panel itself goes on without it.
    if (!panel.info.attached || heartbeat !== beat || phase === "starting") panel.heardAt = Date.now();
    beat = heartbeat;
    panel.drawProgress();
  };
  const onInfo = () => {
    panel.info = model.get("info");
    panel.loss.unit = panel.metric.unit = panel.info.steps_per_epoch ? "epoch" : "step";
    panel.drawProgress();
    panel.drawCurves();
  };
  const onCurves = () => panel.drawCurves();
  model.on("change:progress", onProgress);
  model.on("change:info", onInfo);
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
    model.off("change:info", onInfo);
    model.off("change:curves", onCurves);
    el.replaceChildren();
  };
}

export default {
  initialize({ model }) {
    const onMessage = (message) => message.patch && apply(model, message.patch);
    model.on("msg:custom", onMessage);
    const stop = whenShown(model, (el) => show(model, el)); // the lab's own output of the run has a place for it
    return () => {
      stop();
      model.off("msg:custom", onMessage);
    };
  },

  render({ model, el }) {
    return show(model, el);
  },
};
