"""`%lepton compare`: runs side by side."""

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
        "compare",
        usage="%(prog)s RUN RUN ...",
        help="put runs side by side: settings that differ, metrics, curves",
        description="Put runs side by side: the settings in which they differ, their metrics and curves.",
    )
    completes(parser.add_argument("run_names", metavar="RUN", nargs="+", help="a run"), completion.runs)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    runs = [find_run(context, name) for name in args.run_names]
    from lepton_nb.evaluation import compare

    return compare(runs)
