// What the panels share: elements, and numbers as people read them. Joined in front of a panel's own script.

function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Name and value of each fact, for a `dl`. */
function facts(pairs) {
  return pairs.map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value)));
}

/** Spelled as Python spells it, as sizes are. */
function duration(seconds) {
  if (seconds <= 0) return "0 s";
  if (seconds < 0.0995) return seconds < 0.0009995 ? `${digits(seconds * 1e6)} µs` : `${digits(seconds * 1e3)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  for (const [size, unit, small, smallUnit] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    const rest = Math.floor((whole % size) / small);
    if (whole >= size) return `${Math.floor(whole / size)} ${unit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
  }
  return `${whole} s`;
}

function bytes(count) {
  if (count < 999.5) return `${Math.round(count)} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    count /= 1000;
    if (count < 999.5) return `${digits(count)} ${unit}`;
  }
  return `${digits(count / 1000)} TB`;
}

function digits(value) {
  return String(+value.toPrecision(3));
}

/** A metric: four decimals near one, fewer for large values, powers of ten for tiny ones. */
function figure(value) {
  const size = Math.abs(value);
  if (size >= 1000) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  if (size >= 10) return value.toFixed(2);
  if (size >= 0.001 || size === 0) return value.toFixed(4);
  return value.toExponential(2);
}
