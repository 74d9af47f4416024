"""`%lepton deploy`: puts a run behind a URL, in a process of its own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_run
from lepton_nb.magics.parser import MagicParser, integer, number

if TYPE_CHECKING:
    from lepton_nb.deployment import Deployment


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "deploy",
        usage="%(prog)s RUN [--name NAME] [--port PORT]",
        help="put a run behind a URL, in a process of its own",
        description=(
            "Package a run and serve it in a process of its own: URL, token, documentation, page to try.\n"
            "The same name again is a new version under the same URL."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    name = parser.add_argument("--name", metavar="NAME", help="name of the service (default: the run's name)")
    completes(name, completion.deployments)
    add_options(parser)
    return parser


def add_options(parser: MagicParser) -> None:
    """Where and how long a service runs."""
    parser.add_argument("--port", type=integer, metavar="PORT", help="port (default: a free one)")
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine)",
    )
    parser.add_argument(
        "--grpc-port",
        type=integer,
        metavar="PORT",
        help="also serve gRPC (Open Inference Protocol) there, 0 for a free port (default: none)",
    )
    parser.add_argument(
        "--lifetime",
        choices=("detached", "kernel"),
        default="detached",
        help="detached: until it is stopped; kernel: until this kernel ends (default: detached)",
    )
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="most memory the model may use, such as 2g (default: 80 %% of what is free)",
    )
    parser.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web page that may ask from a browser, such as http://localhost:3000 (default: none)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="further name by which clients may reach it, as through a tunnel or proxy; * is any",
    )
    parser.add_argument(
        "--time-limit",
        type=number,
        metavar="SECONDS",
        help="seconds a request may take before it gets 504 (default: 30)",
    )
    parser.add_argument(
        "--max-body", metavar="SIZE", help="largest body of a request, such as 64m (default: 32m); else 413"
    )
    parser.add_argument(
        "--max-batch", type=integer, metavar="N", help="requests answered together at most (default: 64)"
    )


def deploy_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_options`, as `lepton_nb.deploy` takes them."""
    return {
        "port": args.port,
        "host": args.host,
        "lifetime": args.lifetime,
        "memory": args.memory,
        "origins": args.cors,
        "allowed_hosts": args.allow_host,
        "grpc_port": args.grpc_port,
        "time_limit": args.time_limit,
        "max_body": args.max_body,
        "max_batch": args.max_batch,
    }


def run(context: Context, args: argparse.Namespace) -> Any:
    target = find_run(context, args.run_name)
    from lepton_nb.deployment import deploy

    deployment = deploy(target, args.name, **deploy_options(args))
    deployment.drift.namespace = context.notebook
    show_deployment(context, deployment)
    return deployment


def show_deployment(context: Context, deployment: Deployment) -> None:
    """The card and the panel of a service, in place of those it may have elsewhere in the notebook."""
    if not context.quiet:
        from lepton_nb.widgets.service_view import show_service

        former = context.memory.views.pop(deployment.name, None)
        if former is not None:
            former.give_way()
        view = show_service(deployment, context.shell)
        if view is not None:
            context.memory.views[deployment.name] = view
    context.shown = True
