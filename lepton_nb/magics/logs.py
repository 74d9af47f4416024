"""`%lepton logs`: what a service or a run wrote."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser, integer


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "logs",
        usage="%(prog)s NAME [--lines N]",
        help="show the log of a service or run",
        description="Show the end of the log of a service or run.",
    )
    completes(
        parser.add_argument("name", metavar="NAME", help="a service or a run"),
        completion.runs_and_deployments,
    )
    parser.add_argument(
        "--lines", "-n", type=integer, metavar="N", default=50, help="the newest lines (default: 50)"
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.deployment import logs

    text = logs(args.name, args.lines)
    context.say(text)
    context.shown = True
    return text
