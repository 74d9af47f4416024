// Texts as token ids: this library's own tokenizer, byte pairs of lower-cased words.

const START = "\u2581"; // before the first token of a word
const PIECES = /[!-/:-@[-`{-~]|\p{P}|[^\s!-/:-@[-`{-~\p{P}]+/gu;

/** The tokens of a word: the pair that was learned first is joined first. */
function joined(word, ranks) {
  const parts = [...word];
  for (;;) {
    let [best, place] = [Infinity, -1];
    for (let at = 0; at + 1 < parts.length; at++) {
      const rank = ranks.get(`${parts[at]} ${parts[at + 1]}`) ?? Infinity;
      if (rank < best) [best, place] = [rank, at];
    }
    if (place < 0) return parts;
    parts.splice(place, 2, parts[place] + parts[place + 1]);
  }
}

/** `text -> {dims, data}`: ids, cut or filled up to the length that the model reads. */
export function textReader({ tokenizer: { vocab, merges, unk_token: unknown }, max_length: length, pad_id: pad }) {
  const ids = new Map(Object.entries(vocab));
  const ranks = new Map(merges.map((pair, rank) => [Array.isArray(pair) ? pair.join(" ") : pair, rank]));
  return (text) => {
    const words = text.normalize("NFKC").toLowerCase().match(PIECES) ?? [];
    const found = words.flatMap((word) => joined(START + word, ranks)).map((token) => ids.get(token) ?? ids.get(unknown));
    const data = found.slice(0, length);
    return { dims: [length], data: [...data, ...Array(length - data.length).fill(pad)] };
  };
}
