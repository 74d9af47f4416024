"""`%lepton pause`: let a run that is training in another process wait."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_run
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "pause",
        usage="%(prog)s RUN [--off]",
        help="let a run that is training elsewhere wait, or go on",
        description=(
            "Ask a run that trains in the background or in another notebook to wait after its step, or to\n"
            "go on. It keeps its device meanwhile: what is queued behind it waits, too."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    parser.add_argument("--off", action="store_true", help="go on")
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    found = find_run(context, args.run_name)
    if found.status not in ("running", "paused"):
        raise ArgumentError(f"Run {found.ref} is {found.status}; only a running one can be paused.")
    found.request("resume" if args.off else "pause")
    return found
