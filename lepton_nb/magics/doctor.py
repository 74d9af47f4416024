"""`%lepton doctor`: what is installed, what device there is, what is wrong."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "doctor",
        usage="%(prog)s",
        help="check the installation, the run store and the services",
        description="Check the installation, the device, the run store and the services; say what to mend.",
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:  # noqa: ARG001
    from lepton_nb.deployment import doctor

    return doctor()
