"""`%lepton runs`: the runs in the store."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser, integer

_LIMIT = 50


def add_parser(subparsers: Any) -> MagicParser:
    from lepton_nb.runs.states import STATUSES

    parser: MagicParser = subparsers.add_parser(
        "runs",
        usage="%(prog)s [NAME] [--status STATUS] [--tag NAME[=VALUE]] [--limit N] [--export FILE]",
        help="list the runs, newest first",
        description="List the runs of every notebook, newest first.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="only runs of this name")
    parser.add_argument("--status", choices=STATUSES, help="only runs in this state")
    parser.add_argument(
        "--tag", metavar="NAME[=VALUE]", action="append", default=[], help="only runs with this tag"
    )
    parser.add_argument(
        "--limit", type=integer, metavar="N", default=_LIMIT, help=f"at most so many (default: {_LIMIT})"
    )
    export = parser.add_argument(
        "--export", metavar="FILE", help="write settings and metrics of the runs to a .csv, .json or .parquet"
    )
    completes(export, completion.files)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.runs import list_runs
    from lepton_nb.runs.notes import parse_tags

    limit = None if args.export is not None and args.limit == _LIMIT else args.limit
    found = list_runs(name=args.name, status=args.status, limit=limit, tags=parse_tags(args.tag))
    if args.export is not None:
        context.say(f"Wrote {len(found)} runs to {found.export(args.export)}.")
        context.shown = True
    elif len(found) and not context.quiet and hasattr(context.shell, "kernel"):
        from lepton_nb.widgets.run_table import show_runs

        show_runs(found)
        context.shown = True
    return found
