"""`%lepton stop`: end a service, or a run that is training in another process."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "stop",
        usage="%(prog)s NAME | --all",
        help="stop a service, or a run that is training elsewhere",
        description=(
            "Stop a service, or ask a run that trains in the background or in another notebook to stop\n"
            "after its step; one that is queued is cancelled.\n"
            "A run in this notebook stops with its panel's button or the kernel's interrupt button."
        ),
    )
    completes(
        parser.add_argument("name", metavar="NAME", nargs="?", help="a service or a run"),
        completion.runs_and_deployments,
    )
    parser.add_argument("--all", action="store_true", help="every service")
    return parser


def run(context: Context, args: argparse.Namespace) -> None:
    if args.all == (args.name is not None):
        raise ArgumentError("%lepton stop takes a name, or --all.", "%lepton deployments lists the services.")
    from lepton_nb.deployment import deployments, stop

    services = {item.name for item in deployments()}
    for name in sorted(services) if args.all else [args.name]:
        view = context.memory.views.pop(name, None)
        if view is not None:
            view.look()
        stop(name)
        if view is not None:
            view.settle()
        context.say(f"Stopped {name}." if name in services else f"Asked run {name} to stop after its step.")
