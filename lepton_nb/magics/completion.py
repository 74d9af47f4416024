"""Tab on a `%lepton` line: commands, options, choices, variables of the right kind, runs, services, paths.

A matcher of IPython's second API: the older completion hooks cannot replace only the part after ``--opt=``.
IPython before 8.6 does not have it, and completes no `%lepton` lines. Nothing here imports torch.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core import completer

from lepton_nb.magics import catalogue
from lepton_nb.magics.names import ANY, DATA, LOADER, LOSS, MODEL, OPTIMIZER, RUN, SOURCE, NameKind, variables
from lepton_nb.magics.parser import find_subparsers

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from lepton_nb.magics.magic import LeptonMagics

Candidates = list[tuple[str, str]]
"""Each with its type."""
Completer = Callable[[Mapping[str, Any], str], Candidates]
"""``(user's variables, what is typed) -> candidates``."""

_MAGIC = re.compile(r"^\s*(?:\w[\w, ]*=\s*)?%{1,2}lepton\s(?P<rest>.*)$", re.S)
_AUTOMAGIC = re.compile(r"^\s*lepton\s(?P<rest>.*)$", re.S)


def magic_line(text: str) -> str | None:
    """What stands after ``%lepton`` on a line; None where the line is another."""
    match = _MAGIC.match(text)
    return None if match is None else match["rest"]


def completes(action: argparse.Action, completer: Completer) -> argparse.Action:
    """Say what Tab offers for an argument."""
    action.completer = completer  # type: ignore[attr-defined]
    return action


def variables_of(*kinds: NameKind) -> Completer:
    def complete(namespace: Mapping[str, Any], _: str) -> Candidates:
        return [(name, "instance") for kind in kinds for name in variables(namespace, kind)]

    return complete


def models(namespace: Mapping[str, Any], typed: str) -> Candidates:
    own = [(name, "instance") for name in variables(namespace, MODEL)]
    named = [*catalogue.model_names(), *catalogue.library_models(typed)]
    return own + [(name, "model") for name in named]


def data(namespace: Mapping[str, Any], _: str) -> Candidates:
    own = [(name, "instance") for name in variables(namespace, DATA)]
    return own + [(name, "data") for name in catalogue.builtin_data()]


def sources(namespace: Mapping[str, Any], typed: str) -> Candidates:
    own = [(name, "instance") for name in variables(namespace, SOURCE)]
    builtin = [(name, "data") for name in catalogue.builtin_data()]
    return own + builtin + files(namespace, typed)


def files(_: Mapping[str, Any], typed: str) -> Candidates:
    return [(path, "path") for path in catalogue.paths(typed)]


def nothing(_: Mapping[str, Any], __: str) -> Candidates:
    return []


def runs(namespace: Mapping[str, Any], _: str) -> Candidates:
    own = [(name, "instance") for name in variables(namespace, RUN)]
    return own + [(name, "run") for name in catalogue.run_names()]


def tasks(_: Mapping[str, Any], __: str) -> Candidates:
    return [(name, "task") for name in catalogue.task_names()]


def deployments(_: Mapping[str, Any], __: str) -> Candidates:
    return [(name, "service") for name in catalogue.deployment_names()]


def runs_and_deployments(namespace: Mapping[str, Any], typed: str) -> Candidates:
    return deployments(namespace, typed) + runs(namespace, typed)


def inputs(namespace: Mapping[str, Any], typed: str) -> Candidates:
    own = [(name, "instance") for name in variables(namespace, ANY)]
    return files(namespace, typed) + own


loaders = variables_of(LOADER)
optimizers = variables_of(OPTIMIZER)
losses = variables_of(LOSS)


def complete_line(
    parser: argparse.ArgumentParser, text: str, namespace: Mapping[str, Any]
) -> tuple[str, Candidates]:
    """The part of `text` under completion, and its candidates; `text` is what stands after ``%lepton``."""
    typed = "" if not text or text[-1].isspace() else text.split()[-1]
    words = text[: len(text) - len(typed)].split()
    commands = find_subparsers(parser)
    if words and words[0] in commands:
        parser = commands[words[0]]
        words = words[1:]
    elif words or not typed.startswith("-"):
        found = [] if words else [(name, "command") for name in commands]
        return _matching(typed, found)
    return _complete_argument(parser, words, typed, namespace)


def _complete_argument(
    parser: argparse.ArgumentParser, words: list[str], typed: str, namespace: Mapping[str, Any]
) -> tuple[str, Candidates]:
    options = parser._option_string_actions
    flag, equals, value = typed.partition("=")
    if equals and flag in options:
        return _matching(value, _values(options[flag], namespace, value))
    before = options.get(words[-1]) if words else None
    if before is not None and before.nargs != 0:
        return _matching(typed, _values(before, namespace, typed))
    unused = _unused_options(parser, words)
    if typed.startswith("-"):
        return _matching(typed, unused)
    positional = _next_positional(parser, words)
    found = _values(positional, namespace, typed) if positional is not None else []
    return _matching(typed, found or ([] if typed else unused))


def _values(action: argparse.Action, namespace: Mapping[str, Any], typed: str) -> Candidates:
    """What an argument may be: its choices, then what its completer finds."""
    choices = [(str(choice), "value") for choice in action.choices or ()]
    completer: Completer | None = getattr(action, "completer", None)
    return choices + (completer(namespace, typed) if completer is not None else [])


def _unused_options(parser: argparse.ArgumentParser, words: list[str]) -> Candidates:
    used = {word.split("=", 1)[0] for word in words}
    return [
        (flag, "option")
        for flag, action in parser._option_string_actions.items()
        if flag.startswith("--") and not used & set(action.option_strings)
    ]


def _next_positional(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Action | None:
    """The positional argument that the next word would be."""
    options = parser._option_string_actions
    given = 0
    for before, word in zip([None, *words], words, strict=False):
        value_of = options.get(before) if before is not None else None
        if not word.startswith("-") and (value_of is None or value_of.nargs == 0):
            given += 1
    positionals = [action for action in parser._actions if not action.option_strings]
    if given < len(positionals):
        return positionals[given]
    repeats = positionals and positionals[-1].nargs in ("+", "*")
    return positionals[-1] if repeats else None


def _matching(typed: str, candidates: Candidates) -> tuple[str, Candidates]:
    kinds = {text: kind for text, kind in reversed(candidates) if text.startswith(typed)}
    ordered = dict.fromkeys(text for text, _ in candidates if text in kinds)
    return typed, [(text, kinds[text]) for text in ordered]


def install(shell: InteractiveShell, magics: LeptonMagics) -> Callable[[], None]:
    """Let Tab complete `%lepton` lines, where this IPython can.

    Returns:
        What undoes it.
    """
    if shell.Completer is None or not hasattr(completer, "context_matcher"):
        return lambda: None
    matchers: list[Any] = shell.Completer.custom_matchers
    matcher = _make_matcher(magics)
    matchers.append(matcher)
    return lambda: matchers.remove(matcher) if matcher in matchers else None


def _make_matcher(magics: LeptonMagics) -> Any:
    @completer.context_matcher(identifier="lepton_nb.matcher")  # type: ignore[untyped-decorator]
    def lepton_matcher(context: CompletionContext) -> dict[str, Any]:
        rest = _typed_after(context, magics)
        if rest is None or magics.shell is None:
            return {"completions": []}
        typed, found = complete_line(magics.parser, rest.lstrip(), magics.shell.user_ns)
        completions = [completer.SimpleCompletion(text=text, type=kind) for text, kind in found]
        return {"completions": completions, "matched_fragment": typed, "suppress": True, "ordered": True}

    return lepton_matcher


def _typed_after(context: CompletionContext, magics: LeptonMagics) -> str | None:
    """What stands between ``%lepton`` and the cursor; None where the cursor is on another line."""
    line = context.text_until_cursor.lstrip()
    in_cell_body = line.startswith("%%") and context.cursor_line > 0
    match = None if in_cell_body else _MAGIC.match(context.text_until_cursor)
    alone = context.cursor_line == 0 and "\n" not in context.full_text
    if match is None and alone and magics.shell is not None and magics.shell.automagic:
        match = _AUTOMAGIC.match(context.text_until_cursor)
    return None if match is None else match["rest"]
