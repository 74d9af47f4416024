"""`%lepton train`: trains a model in this kernel, with a live panel."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_data, find_model
from lepton_nb.magics.objects import add_objects, add_own, find_callbacks, find_objects, find_own
from lepton_nb.magics.parser import MagicParser, integer
from lepton_nb.magics.settings import add_settings, given_settings
from lepton_nb.training import RECIPES

if TYPE_CHECKING:
    from lepton_nb.runs import Run


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "train",
        usage="%(prog)s MODEL --data D [--name RUN] [options]",
        help="train a model, with a live panel",
        description=(
            "Train a model in this notebook. The run is on disk from its first step: Stop or an interrupt\n"
            "ends it gracefully, and after anything else %lepton resume goes on. With --background it is\n"
            "trained by a process of its own: %lepton attach RUN shows its panel in any notebook."
        ),
    )
    model = parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="a model variable (class, function or instance), or the name of a starter or of a torchvision"
        " model (default: the recipe's model, or the task's first starter)",
    )
    completes(model, completion.models)
    add_objects(parser)
    group = parser.add_argument_group("run")
    group.add_argument("--name", metavar="RUN", help="name of the run (default: made from the model's name)")
    group.add_argument(
        "--tag", metavar="NAME[=VALUE]", action="append", default=[], help="a tag; may be repeated"
    )
    group.add_argument("--note", metavar="TEXT", help="a note to keep with the run, in quotes")
    group.add_argument(
        "--recipe",
        choices=sorted(RECIPES),
        metavar="NAME",
        help="settings known to work well; options given win",
    )
    group.add_argument(
        "--folds", metavar="K", type=integer, help="cross-validation: a run for each of K folds of the data"
    )
    group.add_argument(
        "--background",
        action="store_true",
        help="train in a process of its own, which outlives the kernel and the browser",
    )
    parser.add_argument("--weights", help=argparse.SUPPRESS)
    add_own(parser)
    add_settings(parser)
    return parser


def _weights_belong_to_model(args: argparse.Namespace) -> ArgumentError:
    model, data = args.model or "resnet18", args.data or "D"
    return ArgumentError(
        "%lepton train takes no --weights: a model is given its weights before it is trained.",
        f"%lepton model {model} --data {data} --weights {args.weights}, then this line without --weights.",
    )


def run(context: Context, args: argparse.Namespace) -> Any:
    if args.weights is not None:
        raise _weights_belong_to_model(args)
    # Every name is looked up before anything heavy is imported: a slip is answered at once.
    model = find_model(context, args.model) if args.model is not None else None
    data = find_data(context, args.data) if args.data is not None else None
    settings = given_settings(args)
    objects = {**find_objects(context, args, settings), **find_own(context, args)}
    callbacks = partial(find_callbacks, context, args.callback, background=args.background)
    from lepton_nb.runs.notes import parse_tags

    kept = {"name": args.name, "tags": parse_tags(args.tag), "notes": args.note}
    given = {"recipe": args.recipe, **kept, **objects, **settings}
    from lepton_nb.training import cross_validate, train

    if args.folds is not None:
        if args.background:
            raise ArgumentError("Folds are trained one after the other, here.", "Leave --background out.")
        return cross_validate(model, data, folds=args.folds, callbacks=callbacks, **given)
    found = train(model, data, callbacks=callbacks(), background=args.background, **given)
    return show_run(context, found, background=args.background)


def show_run(context: Context, found: Run, *, background: bool) -> Run:
    """Remember a run; of one in the background show what travelled, and its panel."""
    context.memory.runs[found.id] = found
    if background and not context.quiet:
        from lepton_nb.widgets import attach

        for said in found.warnings:
            context.say(f"Note: {said}")
        context.show(found.live["capture"])
        attach(found)
    if "profile" in found.live and not context.quiet:
        context.show(found.live["profile"])
    context.shown = True
    return found
