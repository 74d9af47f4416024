// The service's own page inside the panel, where Jupyter's server passes it on: so it works wherever the
// notebook does, through a hub or a tunnel, with Jupyter's own login. Needs elements.js in front of it.

/** Where Jupyter serves the service's page; null elsewhere: in VS Code, in Colab, without the extension. */
async function pageThroughJupyter(name) {
  const config = document.getElementById("jupyter-config-data");
  if (!config) return null;
  try {
    const { baseUrl } = JSON.parse(config.textContent);
    const page = `${baseUrl.replace(/\/?$/, "/")}lepton/services/${encodeURIComponent(name)}/proxy/`;
    const health = await (await fetch(`${page}healthz`)).json();
    return health.name === name ? page : null; // Jupyter may look into another store than the kernel
  } catch {
    return null;
  }
}

function labTheme() {
  return document.body.dataset.jpThemeLight === "false" ? "dark" : "light";
}

/** The page as a frame as high as its content, in the colours of the lab. */
function servicePage(name, page) {
  const frame = html("iframe", { class: "lepton-page", title: `Try ${name}`, src: `${page}#embedded=yes&theme=${labTheme()}` });
  frame.addEventListener("load", () => {
    const inside = frame.contentDocument;
    if (!inside?.body) return;
    const fit = () => { frame.style.height = `${inside.body.scrollHeight + 2}px`; };
    new ResizeObserver(fit).observe(inside.body);
    new MutationObserver(() => { inside.documentElement.style.colorScheme = labTheme(); })
      .observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  });
  return frame;
}
