"""`%lepton deployments`: the services of this user, or one of them with its panel."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.deploy import show_deployment
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "deployments",
        usage="%(prog)s [NAME]",
        help="list the services and whether they answer",
        description=(
            "List the services, started from any notebook, and whether they answer.\n"
            "With a name, show that one with its panel, as %lepton deploy does."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", nargs="?", help="a service")
    completes(name, completion.deployments)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.deployment import deployments, get_deployment

    if args.name is None:
        return deployments()
    deployment = get_deployment(args.name)
    former = context.memory.views.get(args.name)
    if former is not None:
        deployment.drift = former.deployment.drift  # it knows the model that was deployed from here
    deployment.drift.namespace = context.notebook
    show_deployment(context, deployment)
    return deployment
