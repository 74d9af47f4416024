"""`%lepton export`: a run as a folder that runs anywhere."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import catalogue, completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import RUN, find_run
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "export",
        usage="%(prog)s NAME DIR",
        help="write a service or run as a folder that serves anywhere",
        description=(
            "Write a service, or the model of a run, as a folder that serves without a notebook: a serve\n"
            "command, requirements, Dockerfile, systemd unit, Kubernetes manifest, ONNX and safetensors."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", help="a service or a run")
    completes(name, completion.runs_and_deployments)
    completes(
        parser.add_argument("folder", metavar="DIR", help="folder to write; must not exist"), completion.files
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.deployment import export

    if args.name in catalogue.deployment_names() and not RUN.accepts(context.namespace.get(args.name)):
        return export(args.name, args.folder)
    return export(find_run(context, args.name), args.folder)
