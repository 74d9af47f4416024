import { Text } from '@codemirror/state';
import { tokenize } from '../src/editor/grammar';
import { describe as help, tokenAt } from '../src/editor/hover';
import { namesIn } from '../src/notebook/names';

function kinds(line: string, continued = false): string[] {
  return tokenize(line, continued).map(token => `${token.kind} ${token.text}`);
}

describe('the pieces of a %lepton line', () => {
  it('knows the magic, its subcommand, options and their values', () => {
    expect(kinds('run = %lepton train Net --data digits --epochs=8 "a name"')).toEqual([
      'magic %lepton',
      'command train',
      'argument Net',
      'option --data',
      'value digits',
      'option --epochs',
      'value 8',
      'string "a name"'
    ]);
  });

  it('sees nothing in other lines', () => {
    expect(kinds('x = y % lepton')).toEqual([]);
    expect(kinds('%leptonic train')).toEqual([]);
    expect(kinds('print("%lepton train")')).toEqual([]);
  });

  it('goes on in the next line after a backslash', () => {
    expect(kinds('    --lr 1e-3 \\', true)).toEqual(['option --lr', 'value 1e-3']);
  });
});

describe('hover help', () => {
  const doc = Text.of(['x = 1', '%lepton train Net \\', '    --epochs 8']);
  const known = [
    {
      name: 'train',
      help: 'Train a model.',
      positionals: [{ name: 'MODEL', help: 'what to train' }],
      options: [{ flags: ['--epochs'], metavar: 'N', help: 'passes', default: 10, choices: null }]
    }
  ];

  it('finds the subcommand some lines before', () => {
    const found = tokenAt(doc, doc.line(3).from + 6);
    expect(found).toMatchObject({ command: 'train', token: { kind: 'option', text: '--epochs' } });
    expect(help(known, found!.command, found!.token)).toEqual({
      title: '--epochs N',
      text: 'passes',
      details: ['= 10']
    });
  });

  it('has nothing to say of Python', () => {
    expect(tokenAt(doc, 1)).toBeNull();
  });

  it('describes a subcommand by its own words', () => {
    expect(help(known, 'train', { kind: 'command', text: 'train' })?.title).toBe(
      '%lepton train MODEL'
    );
  });
});

it('finds what a notebook names already, the last of each', () => {
  const cells = [
    '%load_ext lepton_nb\n%lepton data digits',
    '%%lepton model DigitNet --data digits\nclass DigitNet(nn.Module):\n    pass',
    'run = %lepton train DigitNet --data digits --name first',
    'run = %lepton train DigitNet --data digits --name second'
  ];
  expect(namesIn(cells)).toEqual({
    isLoaded: true,
    model: 'DigitNet',
    data: 'digits',
    run: 'second'
  });
  expect(namesIn(['class Net(nn.Module): ...'])).toEqual({ isLoaded: false, model: 'Net' });
});
