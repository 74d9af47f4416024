"""`%lepton new`: a folder to begin with."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "new",
        usage="%(prog)s task NAME [--folder DIR]",
        help="write a folder to begin with: a task of your own",
        description=(
            "Write a kind of problem as a package of its own, with a test that passes: its loss,\n"
            "its metrics, a starter model, a source of data, and the conformance test that every task keeps."
        ),
    )
    parser.add_argument("kind", metavar="task", help="what to write")
    parser.add_argument("name", metavar="NAME", help="its name, such as depth-estimation")
    parser.add_argument("--folder", metavar="DIR", help="where to write it (default: a folder of that name)")
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:  # noqa: ARG001
    from lepton_nb.scaffold import new

    return new(args.kind, args.name, args.folder)
