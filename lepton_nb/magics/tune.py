"""`%lepton tune`: searches for good settings, every trial a run."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import CALLBACK, find_data, find_model, variable
from lepton_nb.magics.objects import add_objects, add_own, find_objects, find_own
from lepton_nb.magics.parser import MagicParser, integer
from lepton_nb.magics.settings import add_settings, given_settings


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "tune",
        usage="%(prog)s MODEL --data D --search SPACE [--trials N] [--name S] [options]\n"
        "       %(prog)s --name S    shows a search again",
        help="search for good settings, every trial a run",
        description=(
            "Search for good settings with Optuna. Every trial is a run S@1, S@2, …; bad ones are stopped\n"
            "early, an interrupt ends the search, and the same line goes on with it."
        ),
    )
    completes(
        parser.add_argument("model", metavar="MODEL", nargs="?", help="as for %%lepton train"),
        completion.models,
    )
    add_objects(parser)
    group = parser.add_argument_group("search")
    group.add_argument(
        "--search",
        metavar="SPACE",
        help="settings and what they may be: lr=1e-4..1e-1:log,batch_size=32|64,optimizer=sgd|adamw",
    )
    group.add_argument(
        "--trials", type=integer, metavar="N", default=20, help="how many in all (default: 20)"
    )
    group.add_argument("--name", metavar="S", help="name of the search (default: made from the model's)")
    group.add_argument(
        "--prune",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="stop trials that are worse than the median",
    )
    add_own(parser)
    add_settings(parser)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    if args.search is None:
        if args.name is None or args.model is not None:
            raise ArgumentError(
                "%lepton tune needs --search.", "For example --search lr=1e-4..1e-1:log,batch_size=32|64"
            )
        from lepton_nb.training import find_study

        return find_study(args.name)
    model = find_model(context, args.model) if args.model is not None else None
    data = find_data(context, args.data) if args.data is not None else None
    settings = given_settings(args)
    objects = {**find_objects(context, args, settings), **find_own(context, args)}
    callbacks = [variable(context, name, CALLBACK) for name in args.callback]
    optimizer = objects.pop("optimizer")
    if optimizer is not None and not isinstance(optimizer, str):
        raise ArgumentError(
            "A search makes an optimizer for every trial, so it takes none of yours.",
            "For example --optimizer adamw, or search optimizer=sgd|adamw",
        )
    if optimizer is not None:
        settings["optimizer"] = optimizer
    from lepton_nb.training import tune
    from lepton_nb.widgets.study_progress import StudyProgress

    with StudyProgress(quiet=context.quiet) as progress:
        found = tune(
            model,
            data,
            search=args.search,
            trials=args.trials,
            name=args.name,
            prune=args.prune,
            progress=progress,
            callbacks=callbacks,
            **objects,
            **settings,
        )
    if found.ranked:
        context.memory.runs[found.best.id] = found.best
    return found
