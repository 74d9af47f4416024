"""`%lepton form`: a form that writes the line for a run."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import catalogue, completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import DATA, MODEL, variables
from lepton_nb.magics.parser import MagicParser
from lepton_nb.magics.settings import setting_groups


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "form",
        usage="%(prog)s [MODEL] [--data D]",
        help="fill in a form that writes the line for a run",
        description="A form with every setting of %lepton train. It writes the line for the next cell.",
    )
    model = parser.add_argument("model", metavar="MODEL", nargs="?", help="what to begin with")
    completes(model, completion.models)
    completes(parser.add_argument("--data", metavar="D", help="what to begin with"), completion.data)
    return parser


def run(context: Context, args: argparse.Namespace) -> None:
    own_models, own_data = variables(context.namespace, MODEL), variables(context.namespace, DATA)
    start = {
        "model": args.model or (own_models[0] if len(own_models) == 1 else ""),
        "data": args.data or (own_data[0] if len(own_data) == 1 else ""),
    }

    def names() -> dict[str, list[str]]:
        return {
            "models": [*variables(context.namespace, MODEL), *catalogue.model_names()],
            "data": [*variables(context.namespace, DATA), *catalogue.builtin_data()],
        }

    if hasattr(context.shell, "kernel"):
        from lepton_nb.widgets.run_form import show_form

        show_form(start, names, setting_groups())
    else:
        from lepton_nb.widgets.run_form import plain_line

        context.say(f"A form needs a notebook. Its line to begin with: {plain_line(start)}")
    context.shown = True
