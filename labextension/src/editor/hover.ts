import type { Extension, Text } from '@codemirror/state';
import { hoverTooltip, type Tooltip } from '@codemirror/view';
import type { IOption, ISubcommand } from '../api/types';
import { goesOn, isMagic, tokenize, type IToken } from './grammar';

/** What the magic's parser says of the subcommand or option under the pointer. */
export function magicHover(subcommands: () => Promise<ISubcommand[]>): Extension {
  return hoverTooltip(async (view, position): Promise<Tooltip | null> => {
    const found = tokenAt(view.state.doc, position);
    if (!found) {
      return null;
    }
    const known = await subcommands().catch(() => []);
    const help = describe(known, found.command, found.token);
    if (!help) {
      return null;
    }
    return {
      pos: found.from,
      end: found.to,
      above: true,
      create: () => ({ dom: draw(help) })
    };
  });
}

interface IFound {
  token: IToken;
  command: string;
  from: number;
  to: number;
}

/** The piece at a position, and the subcommand of its line, which may have begun some lines before. */
export function tokenAt(doc: Text, position: number): IFound | null {
  const line = doc.lineAt(position);
  let first = line.number;
  while (first > 1 && goesOn(doc.line(first - 1).text)) {
    first--;
  }
  const start = doc.line(first).text;
  if (!isMagic(start)) {
    return null;
  }
  const command = tokenize(start).find(token => token.kind === 'command')?.text ?? '';
  const column = position - line.from;
  const token = tokenize(line.text, line.number !== first).find(
    item => item.from <= column && column <= item.to
  );
  return token ? { token, command, from: line.from + token.from, to: line.from + token.to } : null;
}

export interface IHelp {
  title: string;
  text: string;
  details: string[];
}

/** Help for a piece, where there is any. */
export function describe(
  known: readonly ISubcommand[],
  command: string,
  token: Pick<IToken, 'kind' | 'text'>
): IHelp | null {
  const subcommand = known.find(item => item.name === command);
  if (token.kind === 'command' && subcommand) {
    const words = subcommand.positionals.map(item => item.name).join(' ');
    return {
      title: `%lepton ${command} ${words}`.trim(),
      text: subcommand.help,
      details: subcommand.positionals.map(item => `${item.name}: ${item.help}`)
    };
  }
  if (token.kind === 'magic') {
    return {
      title: '%lepton',
      text: known.map(item => item.name).join(' · '),
      details: []
    };
  }
  const option = subcommand?.options.find(item => item.flags.includes(token.text));
  return token.kind === 'option' && option ? describeOption(option) : null;
}

function describeOption(option: IOption): IHelp {
  const details: string[] = [];
  if (option.choices?.length) {
    details.push(option.choices.join(' | '));
  }
  if (option.default !== null && option.default !== undefined) {
    details.push(`= ${String(option.default)}`);
  }
  return {
    title: [option.flags.join(', '), option.metavar].filter(Boolean).join(' '),
    text: option.help,
    details
  };
}

function draw(help: IHelp): HTMLElement {
  const node = document.createElement('div');
  node.className = 'lp-Hover';
  const add = (tag: string, text: string) => {
    const child = document.createElement(tag);
    child.textContent = text;
    node.appendChild(child);
  };
  add('code', help.title);
  add('p', help.text);
  help.details.forEach(detail => add('small', detail));
  return node;
}
