"""`%lepton export`: a run as a folder that runs anywhere."""

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
        "export",
        usage="%(prog)s RUN DIR",
        help="write a run's model as a folder: weights, ONNX, signature, source",
        description="Write a run's model as a folder: weights, ONNX, signature, source and requirements.",
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    completes(
        parser.add_argument("folder", metavar="DIR", help="folder to write; must not exist"), completion.files
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    target = find_run(context, args.run_name)
    from lepton_nb.deployment import export

    return export(target, args.folder)
