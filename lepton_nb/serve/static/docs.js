"use strict";
// Shows openapi.json for people. Nothing is loaded from elsewhere.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const pretty = (value) => JSON.stringify(value, null, 2);

function folded(title, text) {
  return element("details", {}, element("summary", { textContent: title }), element("pre", { textContent: text }));
}

// Long examples (pictures in base64, tensors) would hide the line that matters.
function shortened(value) {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === "string" && part.length > 400) return `${part.slice(0, 40)}…`;
    if (Array.isArray(part) && part.length > 16) return [...part.slice(0, 3), "…"];
    return part;
  });
}

function examples(method, path, operation) {
  const url = new URL(path.slice(1), document.baseURI).href;
  const token = operation.security ? ' \\\n  -H "Authorization: Bearer $TOKEN"' : "";
  const content = operation.requestBody?.content ?? {};
  if (!Object.keys(content).length) return [`curl ${url}${token}`];
  return Object.entries(content).map(([type, { example }]) => {
    const concrete = type.replace("image/*", "image/png");
    const data = example ? `-d '${shortened(example)}'` : "--data-binary @FILE";
    return `curl ${url}${token} \\\n  -H 'Content-Type: ${concrete}' \\\n  ${data}`;
  });
}

function route(method, path, operation) {
  const heading = element("h2", {}, element("span", { className: "method", textContent: method.toUpperCase() }), ` ${path}`);
  const parts = [heading, element("p", { textContent: operation.summary })];
  for (const line of examples(method, path, operation)) parts.push(element("pre", { textContent: line }));
  const schema = operation.requestBody?.content["application/json"]?.schema;
  if (schema) parts.push(folded("Request as JSON schema", pretty(schema)));
  for (const [status, response] of Object.entries(operation.responses)) {
    const body = response.content?.["application/json"]?.schema;
    parts.push(folded(`${status}: ${response.description}`, body ? pretty(body) : "text"));
  }
  return element("section", { className: "route" }, ...parts);
}

async function start() {
  const openapi = await (await fetch("openapi.json")).json();
  document.title = openapi.info.title;
  document.getElementById("title").textContent = openapi.info.title;
  document.getElementById("about").textContent = `${openapi.info.description} Version ${openapi.info.version}.`;
  const sections = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => route(method, path, operation)));
  document.getElementById("routes").replaceChildren(...sections);
}

start();
