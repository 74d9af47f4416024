"""`%lepton attach`: the live panel of a run that trains in another process."""

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
        "attach",
        usage="%(prog)s RUN",
        help="show the live panel of a run that trains elsewhere",
        description=(
            "Show the live panel of a run that trains in the background or in another notebook, with its\n"
            "buttons: Pause, Stop, and the learning rate. It becomes a picture when the run ends."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    found = find_run(context, args.run_name)
    from lepton_nb.widgets import attach

    context.shown = True
    return attach(found)
