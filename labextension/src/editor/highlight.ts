import { Prec, RangeSetBuilder, type Extension } from '@codemirror/state';
import {
  Decoration,
  ViewPlugin,
  type DecorationSet,
  type EditorView,
  type ViewUpdate
} from '@codemirror/view';
import { goesOn, isMagic, tokenize } from './grammar';

/** Marks the pieces of `%lepton` lines; Python's own colours would make arithmetic of `--epochs`. */
export function magicHighlight(): Extension {
  return Prec.lowest(
    ViewPlugin.fromClass(
      class {
        decorations: DecorationSet;

        constructor(view: EditorView) {
          this.decorations = decorate(view);
        }

        update(update: ViewUpdate): void {
          if (update.docChanged || update.viewportChanged) {
            this.decorations = decorate(update.view);
          }
        }
      },
      { decorations: plugin => plugin.decorations }
    )
  );
}

function decorate(view: EditorView): DecorationSet {
  const { doc } = view.state;
  const builder = new RangeSetBuilder<Decoration>();
  let isContinued = false;
  for (let number = 1; number <= doc.lines; number++) {
    const line = doc.line(number);
    if (isContinued || isMagic(line.text)) {
      for (const { kind, from, to } of tokenize(line.text, isContinued)) {
        builder.add(
          line.from + from,
          line.from + to,
          Decoration.mark({ class: `lp-Code-${kind}` })
        );
      }
      isContinued = goesOn(line.text);
    }
  }
  return builder.finish();
}
