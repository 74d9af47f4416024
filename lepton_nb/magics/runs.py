"""`%lepton runs`: the runs in the store."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser, integer

_STATUSES = ("queued", "running", "paused", "finished", "stopped", "failed", "interrupted")


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "runs",
        usage="%(prog)s [NAME] [--status STATUS] [--limit N]",
        help="list the runs, newest first",
        description="List the runs of every notebook, newest first.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="only runs of this name")
    parser.add_argument("--status", choices=_STATUSES, help="only runs in this state")
    parser.add_argument(
        "--limit", type=integer, metavar="N", default=50, help="at most so many (default: 50)"
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:  # noqa: ARG001
    from lepton_nb.runs import list_runs

    return list_runs(name=args.name, status=args.status, limit=args.limit)
