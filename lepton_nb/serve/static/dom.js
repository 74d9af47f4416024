// Small helpers that the pages share.

export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const { data, attributes, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  Object.assign(made.dataset, data ?? {});
  made.append(...children);
  return made;
}

/** Tabs by their `role`: a click or an arrow key chooses one and shows what it controls. */
export function tabs(list, onChoose = () => {}) {
  const every = () => [...list.querySelectorAll("[role=tab]")];
  const choose = (tab, focus = false) => {
    for (const other of every()) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
    onChoose(tab);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = every();
    const at = all.indexOf(document.activeElement);
    choose(all[(at + step + all.length) % all.length], true);
    event.preventDefault();
  });
  return choose;
}

/** A box that takes one file: chosen, dropped, or pasted while it can be seen. */
export function fileBox({ id, accept, hint, onFile }) {
  const words = element("span", { className: "hint" }, hint);
  const picture = element("img", { alt: "the chosen picture", hidden: true });
  picture.addEventListener("load", () => picture.classList.toggle("tiny", picture.naturalWidth <= 64));
  const chooser = element("input", { type: "file", accept, id });
  const box = element("label", { className: "drop", htmlFor: id }, picture, words, chooser);
  const take = (file) => {
    if (!file) return;
    if (picture.src) URL.revokeObjectURL(picture.src);
    picture.hidden = !file.type.startsWith("image/");
    if (!picture.hidden) picture.src = URL.createObjectURL(file);
    words.textContent = file.name || "pasted";
    onFile(file);
  };
  chooser.addEventListener("change", () => take(chooser.files[0]));
  for (const type of ["dragenter", "dragover"]) {
    box.addEventListener(type, (event) => { event.preventDefault(); box.classList.add("over"); });
  }
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    if (box.offsetParent !== null && event.clipboardData.files.length) take(event.clipboardData.files[0]);
  });
  return box;
}
