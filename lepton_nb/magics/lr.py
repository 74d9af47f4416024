"""`%lepton lr`: change the learning rate of a run that is training in another process."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_run
from lepton_nb.magics.parser import MagicParser, number


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "lr",
        usage="%(prog)s RUN VALUE",
        help="change the learning rate of a run that is training elsewhere",
        description=(
            "Ask a run that is training in the background or in another notebook for another peak learning\n"
            "rate, as --lr would have set it; its schedule goes on from there. The log and the history tell."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    parser.add_argument("value", type=number, metavar="VALUE", help="the new rate, such as 1e-4")
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    found = find_run(context, args.run_name)
    found.request("lr", args.value)
    context.say(f"Asked run {found.ref} for the learning rate {args.value:g}.")
    context.shown = True
    return found
