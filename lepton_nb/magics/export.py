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
        usage="%(prog)s NAME DIR | page.html [--runtime FILE]",
        help="write a service or run as a folder that serves anywhere, or as one HTML file",
        description=(
            "Write a service, or the model of a run, as a folder that serves without a notebook: a serve\n"
            "command, requirements, Dockerfile, systemd unit, Kubernetes manifest, ONNX and safetensors.\n"
            "A name that ends with .html gives one file that answers in a browser, offline."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", help="a service or a run")
    completes(name, completion.runs_and_deployments)
    folder = parser.add_argument("folder", metavar="DIR", help="folder or page.html to write; must not exist")
    runtime = parser.add_argument(
        "--runtime",
        metavar="FILE",
        help="for a page: onnxruntime-web as npm pack writes it; else npm fetches it",
    )
    completes(folder, completion.files)
    completes(runtime, completion.files)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.deployment import export

    if args.name in catalogue.deployment_names() and not RUN.accepts(context.namespace.get(args.name)):
        return export(args.name, args.folder, runtime=args.runtime)
    return export(find_run(context, args.name), args.folder, runtime=args.runtime)
