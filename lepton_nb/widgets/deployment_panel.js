// The live panel of a service. It asks Python: {ask: "look"} every two seconds while it can be seen,
// {ask: "predict", sent, text} with a file's bytes as buffer, {ask: "stop"}. Python sets `seen`, and answers
// {answer, seconds}, with {media} and a buffer where the answer is a file, or {problem}. Needs elements.js, enhanced.js and service_page.js in front of it.

const EVERY = 2000;
const DEAF = 9000; // milliseconds without an answer after which the panel says so
const STATES = { ready: "Ready", starting: "Starting", recovering: "Recovering", draining: "Stopping",
  failing: "Failing", unreachable: "No answer", gone: "Not running" };

const KINDS = { ready: "good", starting: "busy", recovering: "waiting", draining: "waiting", gone: "off" };

const FILES = { image: "picture", audio: "sound" };

function milliseconds(value) {
  return value === null || value === undefined ? "–" : duration(value / 1000);
}

// ---- trying it ---------------------------------------------------------------------------------------------

/** A box for one real input, fitting the task, and the answer beside it. */
class TryIt {
  constructor(info, send) {
    this.info = info;
    this.send = send;
    this.answer = html("div", { class: "lepton-answer", role: "status", "aria-live": "polite" });
    this.input = info.form.file ? this.fileBox() : this.textBox();
    this.element = html("div", { class: "lepton-try" }, this.input, this.answer);
  }

  fileBox() {
    const { widget } = this.info.form;
    const file = html("input", { type: "file", accept: `${widget}/*`, class: "lepton-file" });
    this.picture = html("img", { alt: "", hidden: "" });
    this.picture.addEventListener("load", () => this.picture.classList.toggle("lepton-tiny", this.picture.naturalWidth < 48));
    const label = html("label", { class: "lepton-drop" }, this.picture, html("span", {}, `Choose a ${FILES[widget] || "file"}, or drop one here`), file);
    file.addEventListener("change", () => file.files.length && this.askFile(file.files[0]));
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
      label.addEventListener(type, (event) => {
        event.preventDefault();
        event.stopPropagation();
        label.classList.toggle("lepton-over", type === "dragenter" || type === "dragover");
        if (type === "drop" && event.dataTransfer.files.length) this.askFile(event.dataTransfer.files[0]);
      });
    }
    return label;
  }

  textBox() {
    const isText = this.info.form.widget === "text";
    const rows = isText ? 3 : Math.max(4, Math.min(15, this.info.example.split("\n").length));
    const area = html("textarea", { rows, spellcheck: "false", "aria-label": isText ? "text" : "input as JSON" });
    if (!isText) area.className = "lepton-code";
    area.value = isText ? "" : this.info.example;
    area.placeholder = isText ? this.info.example : "the model's input as JSON";
    const button = html("button", { type: "button" }, "Ask");
    const ask = () => this.ask({ sent: isText ? "text" : "json", text: area.value || (isText ? this.info.example : "") });
    button.addEventListener("click", ask);
    area.addEventListener("keydown", (event) => {
      event.stopPropagation(); // the notebook has keys of its own
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || (isText && !event.shiftKey))) {
        event.preventDefault();
        ask();
      }
    });
    return html("div", { class: "lepton-box" }, area, button);
  }

  async askFile(file) {
    if (this.picture.src) URL.revokeObjectURL(this.picture.src);
    this.picture.src = URL.createObjectURL(file);
    this.picture.hidden = this.info.form.widget !== "image";
    this.ask({ sent: "file" }, [await file.arrayBuffer()]);
  }

  ask(content, buffers = []) {
    this.answer.replaceChildren(html("span", { class: "lepton-quiet" }, "asking…"));
    this.send({ ask: "predict", ...content }, buffers);
  }

  show({ answer, media, seconds, problem }, buffers) {
    if (problem) {
      this.answer.replaceChildren(html("span", { class: "lepton-problem" }, problem));
      return;
    }
    const lines = media ? [this.media(buffers[0], media)] : answer.scores ? this.scores(answer) : this.values(answer);
    this.answer.replaceChildren(...lines, html("span", { class: "lepton-quiet" }, `in ${milliseconds(seconds * 1000)}`));
  }

  scores(answer) {
    const ranked = Object.entries(answer.scores).sort((a, b) => b[1] - a[1]).slice(0, 5);
    const rows = ranked.map(([name, score]) => {
      const bar = html("i");
      bar.style.width = `${(100 * score).toFixed(1)}%`;
      return html("li", {}, html("span", {}, name), html("span", { class: "lepton-score" }, bar), html("span", {}, `${(100 * score).toFixed(1)} %`));
    });
    return [html("strong", {}, answer.label), html("ul", {}, ...rows)];
  }

  /** A file that came back: seen, heard, or kept. */
  media(content, type) {
    const src = URL.createObjectURL(new Blob([content], { type }));
    if (type.startsWith("image/")) return html("img", { alt: "the picture that came back", src });
    if (type.startsWith("audio/")) return html("audio", { controls: "", src });
    return html("a", { href: src, download: "answer" }, "Save the file");
  }

  values(answer) {
    return Object.entries(answer).map(([name, value]) => {
      const shown = typeof value === "number" ? Number(value.toPrecision(6)) : typeof value === "string" ? value : JSON.stringify(value);
      return html("div", {}, html("span", { class: "lepton-quiet" }, `${name} `), html("strong", {}, String(shown)));
    });
  }
}

// ---- the panel ---------------------------------------------------------------------------------------------

class Panel {
  constructor(model, el) {
    this.model = model;
    const info = model.get("info");
    this.badge = html("span", { class: "lepton-badge", role: "status" });
    this.about = html("span", { class: "lepton-name" });
    this.changed = html("span", { class: "lepton-badge", "data-kind": "waiting", role: "status", hidden: "" });
    this.why = html("p", { class: "lepton-quiet lepton-why", hidden: "" });
    this.stop = html("button", { type: "button", class: "lepton-stop" }, "Stop");
    this.facts = html("dl", { class: "lepton-facts" });
    this.tryIt = new TryIt(info, (content, buffers) => model.send(content, undefined, buffers));
    this.log = html("pre", { tabindex: 0, "aria-label": "log" });
    this.note = html("p", { class: "lepton-note", hidden: "" });
    el.append(html("section", { class: "lepton-panel lepton-service", "aria-label": `Service ${info.name}` },
      html("header", {}, this.badge, this.about, this.changed, this.stop),
      this.why,
      this.note,
      this.facts,
      html("h3", {}, "Try it"), this.tryIt.element,
      html("details", {}, html("summary", {}, "Log"), this.log)));
    this.stop.addEventListener("click", () => this.onStop());
    this.heardAt = Date.now();
  }

  /** In place of the box: the page fits the task better, and has the routes of the user's own. */
  async embedPage() {
    const { name } = this.model.get("info");
    const page = await pageThroughJupyter(name);
    if (page) this.tryIt.element.replaceWith(servicePage(name, page));
  }

  /** The first click asks, the second stops: others may be using the service. */
  onStop() {
    if (this.stop.dataset.sure) {
      this.stop.disabled = true;
      this.stop.textContent = "Stopping…";
      this.model.send({ ask: "stop" });
      return;
    }
    this.stop.dataset.sure = "yes";
    this.stop.textContent = "Really stop?";
    setTimeout(() => {
      delete this.stop.dataset.sure;
      if (!this.stop.disabled) this.stop.textContent = "Stop";
    }, 4000);
  }

  draw() {
    const now = this.model.get("seen");
    this.heardAt = Date.now();
    const state = STATES[now.state] || now.state;
    if (this.badge.textContent !== state) this.badge.textContent = state; // else it would be read out again
    this.badge.dataset.kind = KINDS[now.state] || "bad";
    this.about.replaceChildren(html("strong", {}, this.model.get("info").name), now.version ? ` version ${now.version}` : "");
    this.drawChanges(now.changed || []);
    const latency = now.latency_ms || {};
    const pairs = now.requests === undefined ? [] : [
      ["Requests", now.requests.toLocaleString("en")],
      ["Errors", now.errors.toLocaleString("en")],
      ["Now", `${now.requests_per_second.toFixed(1)} / s`],
      ["Median latency", milliseconds(latency.p50)],
      ["95 % within", milliseconds(latency.p95)],
      ["Memory", bytes(now.memory_bytes)],
      ["Up", duration(now.uptime_seconds)],
    ];
    this.facts.replaceChildren(...facts(pairs));
    this.stop.hidden = now.state === "gone";
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 4;
    this.log.textContent = now.log || "";
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
    this.drawNote(now.error);
  }

  /** A badge, and what has changed in the notebook since this version was made. */
  drawChanges(changed) {
    this.changed.hidden = this.why.hidden = !changed.length;
    if (!changed.length) return;
    if (!this.changed.textContent) this.changed.textContent = "Changed since";
    const text = `${changed.join("; ")}. Once that is trained, %lepton deploy brings it live under the same URL.`;
    const why = text[0].toUpperCase() + text.slice(1);
    if (this.why.textContent !== why) this.why.textContent = why;
  }

  drawNote(error) {
    const deaf = Date.now() - this.heardAt > DEAF;
    this.note.textContent = deaf ? "The kernel does not answer: it is busy or gone. The service itself may still run." : error || "";
    this.note.hidden = !this.note.textContent;
  }
}

/** Draw a panel into the element; what this returns takes it away. */
function show(model, el) {
  const panel = new Panel(model, el);
  panel.embedPage();
  const onSeen = () => panel.draw();
  const onMessage = (message, buffers) => (message.answer || message.problem) && panel.tryIt.show(message, buffers);
  model.on("change:seen", onSeen);
  model.on("msg:custom", onMessage);
  let visible = false;
  const watcher = new IntersectionObserver((entries) => { visible = entries.at(-1).isIntersecting; });
  watcher.observe(el);
  let askedAt = 0;
  const clock = setInterval(() => {
    if (!visible || document.hidden) {
      panel.heardAt = Date.now();
      return;
    }
    const answered = panel.heardAt >= askedAt;
    if (answered || Date.now() - askedAt > DEAF) {
      askedAt = Date.now();
      model.send({ ask: "look" });
    } else panel.drawNote();
  }, EVERY);
  panel.draw();
  return () => {
    clearInterval(clock);
    watcher.disconnect();
    model.off("change:seen", onSeen);
    model.off("msg:custom", onMessage);
    el.replaceChildren();
  };
}

export default {
  initialize({ model }) {
    return whenShown(model, (el) => show(model, el)); // the lab's own output of the service has a place for it
  },

  render({ model, el }) {
    return show(model, el);
  },
};
