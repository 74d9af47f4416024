"""argparse for a magic line: nothing exits, and errors are one line with the nearest spelling."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from lepton_nb.errors import ArgumentError, nearest

_WIDTH = 96  # there is no terminal to measure, and saved outputs must not depend on one


class HelpShown(Exception):  # noqa: N818 - not an error: it ends the parsing
    """Help was printed; there is nothing to run."""


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, **_: Any) -> None:
        super().__init__(prog, max_help_position=28, width=_WIDTH)

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Lines of `text` that do not break ``(default: 10)`` after the colon."""
        lines = super()._split_lines(text.replace("(default: ", "(default:\N{NO-BREAK SPACE}"), width)
        return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]

    def _format_action(self, action: argparse.Action) -> str:
        """The commands in a table of their own, without a line for their placeholder."""
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        return "".join(f"  {choice.dest:<13}{choice.help}\n" for choice in action._choices_actions)


class MagicParser(argparse.ArgumentParser):
    """A parser whose mistakes are `ArgumentError`s and whose help raises `HelpShown`.

    Args:
        fill: Adds arguments when they are first needed, where finding them out takes a while.
        options: Those of argparse.
    """

    def __init__(self, *, fill: Callable[[MagicParser], None] | None = None, **options: Any) -> None:
        self._fill = fill
        options.setdefault("formatter_class", _HelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self.color = False  # Python 3.14 colours help for a terminal
        self._option_string_actions["--help"].help = "this text"
        self._optionals.title = "options"
        self._positionals.title = "arguments"

    def filled(self) -> MagicParser:
        """The parser with all of its arguments."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)
        return self

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """As argparse does, which calls it for a subcommand, too."""
        self.filled()
        return super().parse_known_args(*args, **kwargs)

    def parse_line(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments in `words`.

        Raises:
            ArgumentError: If a command, option or value is unknown, missing or malformed.
            HelpShown: If the words ask for help.
        """
        args: argparse.Namespace
        args, rest = self.parse_known_args(list(words))
        if rest:
            chosen = find_subparsers(self).get(getattr(args, "command", ""), self)
            chosen.reject_extra(rest)
        return args

    def reject_extra(self, words: Sequence[str]) -> NoReturn:
        """Explain words that no argument takes."""
        flags = [word.split("=", 1)[0] for word in words if word.startswith("-")]
        if not flags:
            extra = " ".join(words)
            raise ArgumentError(f"{self.prog} takes no further argument; got {extra!r}.", self._usage_hint())
        known = [flag for flag in self._option_string_actions if flag.startswith("--")]
        best = nearest(flags[0], known)
        hint = f"Did you mean {best}?" if best else f"{self.prog} --help lists the options."
        raise ArgumentError(f"{self.prog} has no option {flags[0]}.", hint)

    def error(self, message: str) -> NoReturn:
        missing = re.match(r"the following arguments are required: (.*)", message)
        if missing:
            verb = "are" if "," in missing[1] else "is"
            raise ArgumentError(f"{self.prog}: {missing[1]} {verb} missing.", self._usage_hint())
        about = re.match(r"argument (?:.*/)?(?P<name>[^:]+): (?P<rest>.*)", message, re.S)
        text = f"{about['name']}: {about['rest']}" if about else message
        raise ArgumentError(f"{self.prog}: {text.rstrip('.')}.", self._usage_hint())

    def format_help(self) -> str:
        """The help, with ``--help`` itself last."""
        self._action_groups.sort(key=lambda group: group is self._optionals)
        return super().format_help()

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002
        raise HelpShown

    def print_help(self, file: Any = None) -> None:
        print(self.format_help().rstrip(), file=file)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        best = nearest(str(value), choices)
        hint = f"Did you mean {best}?" if best else None
        listed = ", ".join(choices)
        if isinstance(action, argparse._SubParsersAction):
            hint = f"Did you mean {self.prog} {best}?" if best else f"There is {listed}."
            raise ArgumentError(f"{self.prog} has no command {value!r}.", hint)
        name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
        raise ArgumentError(f"{self.prog}: {name} is {value!r}; expected one of {listed}.", hint)

    def _usage_hint(self) -> str:
        usage = " ".join(self.format_usage().split())
        return usage[0].upper() + usage[1:]


def find_subparsers(parser: argparse.ArgumentParser) -> dict[str, MagicParser]:
    """The parsers of the subcommands, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {name: parser.filled() for name, parser in action.choices.items()}
    return {}


def integer(text: str) -> int:
    """Type of an option: a whole number, ``1_000`` and ``1e3`` included."""
    try:
        value = float(text)
        if value != int(value):
            raise ValueError
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    return int(value)


def number(text: str) -> float:
    """Type of an option: a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


_TOKEN = re.compile(r"""(?:[^\s"']|"(?:\\.|[^"\\])*"|'[^']*')+""")
_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'')


def split_line(line: str) -> tuple[list[str], bool]:
    """The words of a magic line, and whether it ends in a semicolon, which keeps the result from showing.

    Quotes keep spaces together, JSON in braces or brackets is one word, backslashes are as they are (paths).

    Raises:
        ArgumentError: If a quote is not closed.
    """
    text = line.strip()
    quiet = text.endswith(";")
    text = text.rstrip(";").rstrip()
    words, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        end = _json_end(text, position)
        if end is not None:
            words.append(text[position:end])
            position = end
            continue
        token = _TOKEN.match(text, position)
        if token is None or (token.end() < len(text) and text[token.end()] in "\"'"):
            raise ArgumentError(f"A quote is not closed: {text[position:]}", "Close it, or leave it out.")
        words.append(_unquote(token[0]))
        position = token.end()
    return words, quiet


def _json_end(text: str, start: int) -> int | None:
    """Where the JSON object or list that begins at `start` ends; None where there is none."""
    if text[start] not in "{[":
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError:
        return None
    return end if end == len(text) or text[end].isspace() else None


def _unquote(token: str) -> str:
    def inner(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[2]
        return re.sub(r'\\(["\\])', r"\1", match[1])

    return _QUOTED.sub(inner, token)
