// Shows openapi.json for people. Nothing is loaded from elsewhere.

import { element } from "./dom.js";

let openapi;

const pretty = (value) => JSON.stringify(value, null, 2);

function folded(title, ...content) {
  return element("details", {}, element("summary", {}, title), ...content);
}

// Long examples (pictures in base64, tensors) would hide the line that matters.
function shortened(value) {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === "string" && part.length > 100) return `${part.slice(0, 24)}…`;
    if (Array.isArray(part) && part.length > 16) return [...part.slice(0, 3), "…"];
    return part;
  });
}

/** A value that fits a schema, where the description has no example. */
function sample(schema = {}) {
  const found = schema.$ref ? openapi.components.schemas[schema.$ref.split("/").at(-1)] : schema;
  if (found.default !== undefined) return found.default;
  if (found.anyOf) return sample(found.anyOf[0]);
  if (found.enum) return found.enum[0];
  if (found.contentEncoding) return "…base64…";
  if (found.type === "object" || found.properties) {
    const required = found.required ?? [];
    return Object.fromEntries(required.map((key) => [key, sample(found.properties?.[key])]));
  }
  return { string: "text", number: 1.5, integer: 1, boolean: true, array: [] }[found.type] ?? null;
}

function body(type, { schema, example }) {
  if (type === "application/json") return [`-H 'Content-Type: ${type}'`, `-d '${shortened(example ?? sample(schema))}'`];
  if (type === "multipart/form-data" || type === "application/x-www-form-urlencoded") {
    const option = type === "multipart/form-data" ? "-F" : "-d";
    return Object.entries(schema?.properties ?? {}).map(([key, part]) => `${option} '${key}=${part.contentEncoding || part.contentMediaType ? "@FILE" : sample(part)}'`);
  }
  return [`-H 'Content-Type: ${type.replace("/*", "/png")}'`, "--data-binary @FILE"];
}

function line(path, operation, rest) {
  const query = (operation.parameters ?? []).filter((part) => part.in === "query" && part.required).map((part) => `${part.name}=${encodeURIComponent(sample(part.schema))}`);
  const url = new URL(path.slice(1), document.baseURI).href + (query.length ? `?${query.join("&")}` : "");
  const token = operation.security?.length ? ['-H "Authorization: Bearer $TOKEN"'] : [];
  return element("pre", { tabIndex: 0 }, [`curl ${query.length ? `'${url}'` : url}`, ...token, ...rest].join(" \\\n  "));
}

function route(method, path, operation) {
  const heading = element("h2", {}, element("span", { className: "method" }, method.toUpperCase()), ` ${path}`);
  const parts = [heading, element("p", {}, operation.summary)];
  if (operation.description) parts.push(element("p", { className: "soft" }, operation.description));
  const content = Object.entries(operation.requestBody?.content ?? {});
  const [first, ...others] = content;
  parts.push(line(path, operation, first ? body(...first) : method === "get" ? [] : [`-X ${method.toUpperCase()}`]));
  if (others.length) parts.push(folded(`Also takes ${others.map(([type]) => type).join(", ")}`, ...others.map((other) => line(path, operation, body(...other)))));
  const schema = operation.requestBody?.content["application/json"]?.schema;
  if (schema) parts.push(folded("Request as JSON schema", element("pre", { tabIndex: 0 }, pretty(schema))));
  const answers = Object.entries(operation.responses).map(([status, response]) => {
    const answer = response.content?.["application/json"]?.schema;
    const found = answer && !answer.$ref?.endsWith("/Error") ? [element("pre", { tabIndex: 0 }, pretty(answer))] : [];
    return element("div", {}, element("p", {}, element("b", {}, status), ` ${response.description}`), ...found);
  });
  parts.push(folded("Answers", ...answers));
  return element("section", { className: "route" }, ...parts);
}

async function start() {
  openapi = await (await fetch("openapi.json")).json();
  document.title = openapi.info.title;
  document.getElementById("title").textContent = openapi.info.title;
  document.getElementById("about").textContent = `${openapi.info.description} Version ${openapi.info.version}.`;
  const own = ([, methods]) => Object.values(methods).some((operation) => operation.tags?.includes("routes"));
  const paths = Object.entries(openapi.paths);
  const ordered = [...paths.filter(own), ...paths.filter((path) => !own(path))];
  const sections = ordered.flatMap(([path, methods]) =>
    Object.entries(methods).filter(([, operation]) => operation.responses).map(([method, operation]) => route(method, path, operation)));
  document.getElementById("routes").replaceChildren(...sections);
}

start();
