"""`%lepton deployments`: the services of this user."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "deployments",
        usage="%(prog)s",
        help="list the services and whether they answer",
        description="List the services, started from any notebook, and whether they answer.",
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:  # noqa: ARG001
    from lepton_nb.deployment import deployments

    return deployments()
