"""The commands and their options as data and as text: for hover help, with and without a kernel.

Everything comes from the parsers, so that it says what `%lepton train --help` says.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

from lepton_nb.magics.parser import MagicParser, find_subparsers

_DEFAULT = re.compile(r"\s*\(default: (?P<value>.*)\)$", re.S)


def describe_commands(parser: MagicParser) -> list[dict[str, Any]]:
    """Every subcommand with its arguments, in the order the help lists them."""
    helps = {
        choice.dest: choice.help or ""
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for choice in action._choices_actions
    }
    return [_command(name, helps.get(name, ""), sub) for name, sub in find_subparsers(parser).items()]


def help_at(parser: MagicParser, line: str, position: int) -> str | None:
    """What the word of a `%lepton` line at a position means: a command, an option, or an option's value.

    Args:
        line: What stands after ``%lepton``.
        position: Of the cursor in it; behind a word counts as in it.
    """
    words = list(re.finditer(r"\S+", line))
    at = next((i for i, word in enumerate(words) if word.start() <= position <= word.end()), None)
    commands = {command["name"]: command for command in describe_commands(parser)}
    name = words[0][0] if words else ""
    if name not in commands:
        return None if name and at == 0 else parser.format_help().rstrip()
    if at is not None and at > 0:
        for word in (words[at][0], words[at - 1][0]):  # an option, or the value after it
            option = _find_option(commands[name], word.split("=", 1)[0])
            if option is not None:
                return _option_text(name, option)
    return find_subparsers(parser)[name].format_help().rstrip()


def _command(name: str, summary: str, parser: MagicParser) -> dict[str, Any]:
    visible = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return {
        "name": name,
        "help": summary,
        "description": parser.description or "",
        "usage": parser.format_usage().removeprefix("usage: ").strip(),
        "positionals": [
            {"name": str(action.metavar or action.dest), "help": _help(action)}
            for action in visible
            if not action.option_strings
        ],
        "options": [_option(action) for action in visible if action.option_strings],
    }


def _option(action: argparse.Action) -> dict[str, Any]:
    text = _help(action)
    default = _DEFAULT.search(text)
    takes_value = action.nargs != 0
    return {
        "flags": list(action.option_strings),
        "metavar": str(action.metavar or action.dest.upper()) if takes_value else None,
        "help": _DEFAULT.sub("", text),
        "default": default["value"] if default else None,
        "choices": [str(choice) for choice in action.choices] if action.choices else None,
    }


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


def _find_option(command: dict[str, Any], flag: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = next((o for o in command["options"] if flag in o["flags"]), None)
    return found


def _option_text(command: str, option: dict[str, Any]) -> str:
    flags = ", ".join(option["flags"]) + (f" {option['metavar']}" if option["metavar"] else "")
    lines = [f"%lepton {command} {flags}", "", option["help"]]
    if option["choices"]:
        lines.append(f"One of: {', '.join(option['choices'])}")
    if option["default"] is not None:
        lines.append(f"Default: {option['default']}")
    return "\n".join(lines)
