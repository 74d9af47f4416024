// The form that writes a line for `%lepton train`. Python sends the `fields`, the `names` there are and what is wrong
// (`problem`); the page keeps what is `chosen`. Needs elements.js and enhanced.js in front of it.

function words(name) {
  const text = name.replaceAll("_", " ").replace(/^lr\b/, "learning rate").replace(/^(ema|swa)$/, (match) => match.toUpperCase());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A number without noise: 0.0003, 1e-5, 64. */
function plain(value) {
  const text = String(Number(Number(value).toPrecision(2)));
  return text.replace("e-0", "e-");
}

/** An argument of the line, in quotes where it has spaces. */
function quote(text) {
  return /[\s"']/.test(text) ? `"${text.replace(/(["\\])/g, "\\$1")}"` : text;
}

/** The line for what is chosen; settings that are as by default are left out. */
function lineOf(chosen, fields) {
  const parts = ["%lepton train", quote(chosen.model || "MODEL")];
  for (const key of ["data", "name"]) if (chosen[key]) parts.push(`--${key} ${quote(chosen[key])}`);
  for (const field of fields) {
    const value = chosen[field.name];
    if (value === undefined || value === null || value === "" || value === field.default) continue;
    if (field.kind === "switch") parts.push(value ? `--${field.flag}` : `--no-${field.flag}`);
    else parts.push(`--${field.flag} ${quote(String(value))}`);
  }
  return parts.join(" ");
}

class RunForm {
  constructor(model, element) {
    this.model = model;
    this.id = model.get("host");
    this.fields = model.get("fields");
    this.chosen = { ...model.get("chosen") };
    this.line = html("code", { role: "status", "aria-live": "polite", "aria-label": "The line for this run" });
    this.note = html("p", { class: "lepton-note", role: "alert", hidden: "" });
    this.copy = html("button", { type: "button" }, "Copy");
    this.insert = html("button", { type: "button" }, "Insert below");
    this.form = html("form", { class: "lepton-panel lepton-form", "aria-label": "Start a run" },
      html("div", { class: "lepton-names" },
        this.nameField("model", "Model", "models"), this.nameField("data", "Data", "data"), this.nameField("name", "Name of the run")),
      ...this.groups(), this.note,
      html("div", { class: "lepton-result" }, this.line, this.insert, this.copy));
    element.replaceChildren(this.form);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    // The notebook has shortcuts of its own for plain keys.
    this.form.addEventListener("keydown", (event) => event.stopPropagation());
    this.copy.addEventListener("click", () => copyText(this.line.textContent, this.copy));
    this.insert.addEventListener("click", () => {
      if (!insertCell(this.line.textContent, this.form)) copyText(this.line.textContent, this.insert);
    });
    this.form.addEventListener("focusin", (event) => event.target.list && model.send({ ask: "names" }));
    this.drawNames();
    this.draw();
  }

  nameField(key, title, list) {
    const input = html("input", { type: "text", id: `${this.id}-${key}`, autocomplete: "off", spellcheck: "false" });
    if (list) input.setAttribute("list", `${this.id}-${list}`);
    if (key === "name") input.placeholder = "made from the model's";
    input.value = this.chosen[key] || "";
    input.addEventListener("input", () => this.set(key, input.value.trim()));
    return html("div", { class: "lepton-field" }, html("label", { for: input.id }, title), input,
      ...(list ? [html("datalist", { id: `${this.id}-${list}` })] : []));
  }

  /** The main settings, then the others by title, folded away. */
  groups() {
    const titles = [...new Set(this.fields.map((field) => field.group))];
    return titles.map((title) => {
      const inside = this.fields.filter((field) => field.group === title).map((field) => this.field(field));
      const grid = html("div", { class: "lepton-grid" }, ...inside);
      return title ? html("details", {}, html("summary", {}, title.charAt(0).toUpperCase() + title.slice(1)), grid) : grid;
    });
  }

  field(field) {
    const id = `${this.id}-${field.name}`;
    const help = html("small", { id: `${id}-help` }, field.doc);
    const about = { id, "aria-describedby": help.id };
    const value = this.chosen[field.name] ?? field.default;
    let input, slider;
    if (field.kind === "choice") {
      input = html("select", { ...about, class: "lepton-select" }, ...field.choices.map((choice) => html("option", { value: choice }, choice)));
      input.value = value;
      input.addEventListener("change", () => this.set(field.name, input.value));
    } else if (field.kind === "switch") {
      input = html("input", { ...about, type: "checkbox" });
      input.checked = value;
      input.addEventListener("change", () => this.set(field.name, input.checked));
    } else if (field.kind === "number") {
      input = html("input", { ...about, type: "number", step: field.whole ? 1 : "any" });
      if (field.low !== null) input.min = field.low;
      if (field.high !== null) input.max = field.high;
      input.placeholder = field.empty;
      if (value !== null) input.value = value;
      input.addEventListener("input", () => {
        this.set(field.name, input.value === "" ? null : Number(input.value));
        if (slider && input.value !== "") slider.value = this.position(field.usual, Number(input.value));
      });
      if (field.usual) slider = this.slider(field, input, value);
    } else {
      input = html("input", { ...about, type: "text", autocomplete: "off", spellcheck: "false" });
      input.value = value ?? "";
      input.addEventListener("input", () => this.set(field.name, input.value.trim() || null));
    }
    return html("div", { class: `lepton-field lepton-${field.kind}` }, html("label", { for: id }, words(field.name)), input, ...(slider ? [slider] : []), help);
  }

  slider(field, input, value) {
    const slider = html("input", { type: "range", min: 0, max: 100, step: "any", "aria-label": `${words(field.name)}, usual range` });
    const speak = () => slider.setAttribute("aria-valuetext", input.value || field.empty);
    slider.value = value === null ? 50 : this.position(field.usual, value);
    slider.addEventListener("input", () => {
      const { low, high, log } = field.usual;
      const share = Number(slider.value) / 100;
      const raw = log ? low * (high / low) ** share : low + share * (high - low);
      input.value = field.whole ? Math.round(raw) : plain(raw);
      speak();
      this.set(field.name, Number(input.value));
    });
    speak();
    return slider;
  }

  position({ low, high, log }, value) {
    const share = log ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
    return 100 * Math.min(1, Math.max(0, share));
  }

  set(name, value) {
    if (value === null || value === "") delete this.chosen[name];
    else this.chosen[name] = value;
    this.draw();
    this.model.set("chosen", { ...this.chosen });
    this.model.save_changes();
  }

  draw() {
    this.line.textContent = lineOf(this.chosen, this.fields);
    const ready = Boolean(this.chosen.model && this.chosen.data);
    this.insert.disabled = !ready;
    const problem = this.model.get("problem");
    this.note.textContent = problem || (ready ? "" : "Choose a model and data.");
    this.note.hidden = !this.note.textContent;
  }

  drawNames() {
    for (const [key, found] of Object.entries(this.model.get("names"))) {
      const list = this.form.querySelector(`#${CSS.escape(`${this.id}-${key}`)}`);
      list?.replaceChildren(...found.map((name) => html("option", { value: name })));
    }
  }
}

export default {
  initialize({ model }) {
    let form = null;
    const stop = whenShown(model, (element) => { form = new RunForm(model, element); });
    const onNames = () => form?.drawNames();
    const onProblem = () => form?.draw();
    model.on("change:names", onNames);
    model.on("change:problem", onProblem);
    return () => { stop(); model.off("change:names", onNames); model.off("change:problem", onProblem); };
  },
};
