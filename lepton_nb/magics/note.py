"""`%lepton note`: notes and tags of a run."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_run
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "note",
        usage='%(prog)s RUN ["TEXT"] [--tag NAME[=VALUE]] [--untag NAME]',
        help="write a note on a run, and tag it",
        description=(
            "Write a note on a run, below those it has, and tag it. Without either it shows the run.\n"
            "%lepton runs --tag NAME finds tagged runs again."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    parser.add_argument("text", metavar="TEXT", nargs="?", help="a line of text, in quotes")
    parser.add_argument(
        "--tag", metavar="NAME[=VALUE]", action="append", default=[], help="set a tag; may be repeated"
    )
    parser.add_argument(
        "--untag", metavar="NAME", action="append", default=[], help="take a tag away; may be repeated"
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.runs import note
    from lepton_nb.runs.notes import parse_tags

    tags: dict[str, str | None] = dict(parse_tags(args.tag))
    return note(find_run(context, args.run_name), args.text, tags={**tags, **dict.fromkeys(args.untag)})
