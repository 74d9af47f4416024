// Outputs as answers: what the codecs do in Python.

import { InputError } from "./reading.js";

function softmax(logits) {
  const most = Math.max(...logits);
  const exponentials = logits.map((logit) => Math.exp(logit - most));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  return exponentials.map((value) => value / total);
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const ranked = (scores) => scores.map((_, at) => at).sort((a, b) => scores[b] - scores[a]);
const named = (names, scores, shown) => Object.fromEntries(shown.map((at) => [names[at], scores[at]]));

function nested(flat, [size, ...rest]) {
  if (size === undefined) return flat[0];
  const step = flat.length / size;
  return Array.from({ length: size }, (_, at) => nested(flat.slice(at * step, (at + 1) * step), rest));
}

const KINDS = {
  classes([logits], { names, all, top }) {
    const scores = softmax(logits);
    const order = ranked(scores).slice(0, scores.length <= all ? scores.length : top);
    return { label: names[order[0]], index: order[0], score: scores[order[0]], scores: named(names, scores, order) };
  },
  binary([[value]], { names, thresholds, given }) {
    const score = given ? value : sigmoid(value);
    const index = score >= thresholds[0] ? 1 : 0;
    return { label: names[index], index, score, scores: { [names[0]]: 1 - score, [names[1]]: score } };
  },
  labels([values], { names, thresholds, given, all, top }) {
    const scores = given ? values : values.map(sigmoid);
    const order = ranked(scores);
    const held = (at) => scores[at] >= thresholds[at];
    const shown = names.length > all ? order.filter((at, place) => held(at) || place < top) : order;
    return { labels: order.filter(held).map((at) => names[at]), scores: named(names, scores, shown) };
  },
  value([values], { name, mean, std }) {
    const own = values.map((value, at) => value * (std[at] ?? std[0]) + (mean[at] ?? mean[0]));
    return { name, value: own.length === 1 ? own[0] : own };
  },
};

/** The answer to one item, of the model's outputs for it. */
export function answer({ answers, outputs }, tensors) {
  const flat = tensors.map(({ data }) => Array.from(data, Number));
  if (!flat.every((values) => values.every(Number.isFinite))) throw new InputError("the model gives no finite output for this input");
  if (answers.kind !== "json") return KINDS[answers.kind](flat, answers);
  const lists = tensors.map(({ dims }, at) => nested(flat[at], dims.slice(1)));
  return { outputs: lists.length === 1 ? lists[0] : Object.fromEntries(outputs.map((name, at) => [name, lists[at]])) };
}
