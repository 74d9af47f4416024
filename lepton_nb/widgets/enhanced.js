// A script that takes the place of static HTML. Needs elements.js in front of it.

/**
 * Call `build(element)` once the element of that id is in the page, and again where the page draws it anew.
 *
 * What `build` returns, if anything, takes it away again: before the next one, and when the kernel has gone.
 */
function whenShown(model, build) {
  let current = null;
  let leave;
  const look = () => {
    const found = document.getElementById(model.get("host"));
    if (found && found !== current) {
      leave?.();
      current = found;
      leave = build(found);
    }
  };
  look();
  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true });
  const stop = () => {
    model.off("comm_live_update", stop);
    observer.disconnect();
    leave?.();
    leave = undefined;
  };
  model.on("comm_live_update", stop); // the manager says so once, when it loses the kernel
  return stop;
}

/** Put text on the clipboard, and say so on the button for a moment. */
async function copyText(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = html("textarea");
    area.value = text;
    button.after(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

/** Ask the JupyterLab extension to write a cell below; false where it is not there to hear. */
function insertCell(text, element) {
  const event = new CustomEvent("lepton:insert-cell", { bubbles: true, cancelable: true, detail: { text } });
  return !element.dispatchEvent(event);
}
