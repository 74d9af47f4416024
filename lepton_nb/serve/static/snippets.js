// The same request as a line of curl, Python and JavaScript. The token stands in a variable, never in the line.

const LONG = 1500;
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const string = (text) => JSON.stringify(text);

// What is sent, for each language: {type, body | file | values + files}.

export function curl(url, sent, token) {
  const parts = [`curl ${url}${sent.gives === "bytes" ? " -o answer" : ""}`];
  if (token) parts.push('-H "Authorization: Bearer $TOKEN"');
  if (sent.files && Object.keys(sent.files).length) {
    for (const [key, file] of Object.entries(sent.files)) parts.push(`-F ${quote(`${key}=@${file.name || "file"}`)}`);
    for (const [key, value] of Object.entries(sent.values)) parts.push(`-F ${quote(`${key}=${plain(value)}`)}`);
    return parts.join(" \\\n  ");
  }
  parts.push(`-H 'Content-Type: ${sent.type}'`);
  if (sent.file) parts.push(`--data-binary @${quote(sent.file)}`);
  else parts.push(sent.body.length > LONG ? "-d @request.json" : `-d ${quote(sent.body)}`);
  return parts.join(" \\\n  ");
}

export function python(url, sent, token) {
  const headers = token ? `{"Authorization": f"Bearer {os.environ['TOKEN']}"` : "{";
  const files = sent.files && Object.keys(sent.files).length;
  const typed = sent.file ? `${headers}${token ? ", " : ""}"Content-Type": ${string(sent.type)}}` : `${headers}}`;
  const lines = [`    ${string(url)},`, `    headers=${typed},`];
  if (files) {
    lines.push(`    files={${Object.entries(sent.files).map(([key, file]) => `${string(key)}: open(${string(file.name || "file")}, "rb")`).join(", ")}},`);
    lines.push(`    data=${pythonText(Object.fromEntries(Object.entries(sent.values).map(([key, value]) => [key, plain(value)])))},`);
  } else if (sent.file) lines.push(`    data=open(${string(sent.file)}, "rb"),`);
  else lines.push(sent.body.length > LONG ? '    json=json.load(open("request.json")),' : `    json=${pythonText(JSON.parse(sent.body))},`);
  const imports = [...(sent.body?.length > LONG && !files ? ["json"] : []), ...(token ? ["os"] : [])];
  const head = imports.length ? `import ${imports.join(", ")}\n\nimport requests` : "import requests";
  const show = { text: "print(answer.text)", bytes: 'open("answer", "wb").write(answer.content)' }[sent.gives] ?? "print(answer.json())";
  return `${head}\n\nanswer = requests.post(\n${lines.join("\n")}\n)\n${show}`;
}

export function javascript(url, sent, token) {
  const headers = [...(token ? ["Authorization: `Bearer ${TOKEN}`"] : [])];
  const files = sent.files && Object.keys(sent.files).length;
  const lines = [];
  let body;
  if (files) {
    lines.push("const body = new FormData();");
    for (const key of Object.keys(sent.files)) lines.push(`body.append(${string(key)}, ${key}File);`);
    for (const [key, value] of Object.entries(sent.values)) lines.push(`body.append(${string(key)}, ${string(plain(value))});`);
    body = "body";
  } else {
    headers.push(`"Content-Type": ${string(sent.type)}`);
    body = sent.file ? "body: file" : sent.body.length > LONG ? "body: JSON.stringify(request)" : `body: JSON.stringify(${sent.body})`;
  }
  lines.push(`const answer = await fetch(${string(url)}, {`, '  method: "POST",');
  if (headers.length) lines.push(`  headers: { ${headers.join(", ")} },`);
  lines.push(`  ${body},`, "});", `console.log(await answer.${{ text: "text", bytes: "blob" }[sent.gives] ?? "json"}());`);
  return lines.join("\n");
}

function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A JSON value as Python writes it. */
function pythonText(value) {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, part]) => `${string(key)}: ${pythonText(part)}`).join(", ")}}`;
  return JSON.stringify(value);
}
