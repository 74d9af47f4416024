"""`%lepton rollback`: put a service back on the version before."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "rollback",
        usage="%(prog)s NAME",
        help="put a service back on the version before",
        description="Put a service back on the version it had before; URL and token stay.",
    )
    completes(parser.add_argument("name", metavar="NAME", help="a service"), completion.deployments)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:  # noqa: ARG001
    from lepton_nb.deployment import rollback

    return rollback(args.name)
