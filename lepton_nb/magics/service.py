"""`%%lepton service`: a class or functions of a cell as routes around a deployed model."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.cell import cells_with, run_body
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.deploy import add_options, deploy_options, show_deployment
from lepton_nb.magics.names import find_run
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "service",
        usage="%%%(prog)s NAME [--model RUN] [--port PORT]    above a cell with a class or functions",
        help="serve functions of your own around a model: typed signatures become routes",
        description=(
            "Serve the public methods of a class, or the functions, that the cell defines. Each is a route\n"
            "POST /name with a JSON object, and GET /name where its parameters fit into a URL. Parameters\n"
            "need types: str, int, float, bool, list, pydantic models, dataclasses, and for files\n"
            "Image.Image, np.ndarray, bytes and lepton_nb.routes.Audio. A parameter named model gets the\n"
            "deployed model: model(image) is its answer. A generator streams. The same name again is a new\n"
            "version under the same URL."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", help="name of the service")
    completes(name, completion.deployments)
    model = parser.add_argument(
        "--model",
        metavar="RUN",
        help="the run to serve (default: the model that is live under NAME, else the run NAME)",
    )
    completes(model, completion.runs)
    add_options(parser)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    if context.cell is None:
        raise ArgumentError(
            "%lepton service needs a cell that defines the routes.",
            f"Write %%lepton service {args.name} as the first line of that cell.",
        )
    run_body(context.shell, context.cell)
    model = None if args.model is None else find_run(context, args.model)
    from lepton_nb.deployment.routes import defined_targets, make_service

    made = make_service(
        defined_targets(context.notebook, _defined(context)),
        args.name,
        model=model,
        namespace=context.notebook,
        cells=cells_with(context.shell, context.cell),
        **deploy_options(args),
    )
    made.deployment.drift.namespace = context.notebook
    context.show(made.report)
    show_deployment(context, made.deployment)
    return made.deployment


def _defined(context: Context) -> list[str]:
    """The names of what could be routes in the cell."""
    from lepton_nb.deployment.routes import route_names

    source: str = context.shell.transform_cell(context.cell or "")  # type: ignore[no-untyped-call]
    return route_names(source)
