/** What a piece of a `%lepton` line is. */
export type TokenKind = 'magic' | 'command' | 'option' | 'value' | 'string' | 'argument';

export interface IToken {
  kind: TokenKind;
  from: number;
  to: number;
  text: string;
}

const START = /^(\s*(?:[\w, ]+=\s*)?)(%{1,2}lepton)\b/;
const PIECE = /"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(--?[A-Za-z][\w-]*)(=)?|[^\s=]+|=/g;

/** Whether a line of code is, or begins, a `%lepton` line. */
export function isMagic(line: string): boolean {
  return START.test(line);
}

/** Whether the line goes on in the next one. */
export function goesOn(line: string): boolean {
  return /\\\s*$/.test(line);
}

/** The pieces of one line. `continued` is a line that goes on from a `%lepton` line before it. */
export function tokenize(line: string, continued = false): IToken[] {
  const tokens: IToken[] = [];
  let start = 0;
  if (!continued) {
    const match = START.exec(line);
    if (!match) {
      return tokens;
    }
    const from = match[1].length;
    start = match[0].length;
    tokens.push({ kind: 'magic', from, to: start, text: match[2] });
  }
  let hasCommand = continued;
  let afterOption = false;
  PIECE.lastIndex = start;
  for (let match = PIECE.exec(line); match; match = PIECE.exec(line)) {
    const [text, option] = match;
    const from = match.index;
    if (text === '\\' || text === '=') {
      continue;
    }
    if (option) {
      tokens.push({ kind: 'option', from, to: from + option.length, text: option });
      afterOption = true;
      continue;
    }
    const to = from + text.length;
    const isString = text.startsWith('"') || text.startsWith("'");
    const kind = isString ? 'string' : !hasCommand ? 'command' : afterOption ? 'value' : 'argument';
    tokens.push({ kind, from, to, text });
    hasCommand = true;
    afterOption = false;
  }
  return tokens;
}
