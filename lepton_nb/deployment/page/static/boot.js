// Unpacks the files of this page, and starts the try-it page with a service of its own. ASCII alone: the page's
// charset is that of the pack.
(async () => {
  const places = new Uint8Array(65536);
  for (let byte = 0; byte < 256; byte++) {
    places[new TextDecoder("windows-1252").decode(Uint8Array.of(byte)).charCodeAt(0)] = byte;
  }

  function unescaped(text) {
    const bytes = new Uint8Array(text.length);
    let end = 0;
    for (let at = 0; at < text.length; at++) {
      let byte = places[text.charCodeAt(at)];
      if (byte === 61) byte = places[text.charCodeAt(++at)] - 64;
      bytes[end++] = byte - 42;
    }
    return bytes.subarray(0, end);
  }

  async function inflated(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function unpacked(bytes) {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const files = {};
    let at = 4 + length;
    for (const [name, size] of Object.entries(JSON.parse(new TextDecoder().decode(bytes.subarray(4, at))))) {
      files[name] = await inflated(bytes.subarray(at, at += size));
    }
    return files;
  }

  const urls = {};
  function load(files, name) {
    const text = new TextDecoder().decode(files[name]);
    const linked = text.replace(/from "\.\/(\w+\.js)"/g, (_, other) => `from "${urls[other]}"`);
    urls[name] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }));
    return urls[name];
  }

  try {
    const element = document.getElementById("pack");
    const files = await unpacked(unescaped(element.textContent));
    element.remove();
    const order = ["dom", "snippets", "answers", "forms", "inputs", "picture", "tokens", "reading", "answering", "service"];
    for (const name of order) load(files, `${name}.js`);
    const ort = await import(load(files, "ort.js"));
    const { serve } = await import(urls["service.js"]);
    window.fetch = await serve(ort.default ?? ort, files);
    await import(load(files, "page.js"));
  } catch (error) {
    document.getElementById("panels").textContent = `This page cannot answer here: ${error.message}`;
  }
})();
