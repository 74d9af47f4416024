// A script that takes the place of static HTML. Needs elements.js in front of it.

/** Call `build(element)` once the element of that id is in the page, and again where the page draws it anew. */
function whenShown(id, build) {
  let current = null;
  const look = () => {
    const found = document.getElementById(id);
    if (found && found !== current) {
      current = found;
      build(found);
    }
  };
  look();
  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true });
  return () => observer.disconnect();
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
