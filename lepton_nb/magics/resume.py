"""`%lepton resume`: goes on with a run that was stopped or cut off."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import LOADER, MODEL, OPTIMIZER, find_data, find_run
from lepton_nb.magics.objects import add_loaders, add_own, find_callbacks, find_loss, find_own, find_variable
from lepton_nb.magics.parser import MagicParser, integer, number
from lepton_nb.magics.train import show_run


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "resume",
        usage="%(prog)s RUN [--epochs N] [--lr X] [--model V] [--data V | --train V --val V]",
        help="go on with a run that was stopped or cut off",
        description=(
            "Go on with a run from its last checkpoint, to the same result as if it had never stopped.\n"
            "What cannot be made again from disk is asked for: give it by variable name."
        ),
    )
    completes(parser.add_argument("run_name", metavar="RUN", help="a run"), completion.runs)
    parser.add_argument(
        "--epochs", type=integer, metavar="N", help="epochs in all (default: what the run was to have)"
    )
    parser.add_argument("--lr", type=number, metavar="X", help="another peak learning rate from here on")
    parser.add_argument("--clip", type=number, metavar="X", help="clip gradients to this norm from here on")
    parser.add_argument(
        "--on-nan", choices=("stop", "skip"), metavar="NAME", help="stop, or skip such batches from here on"
    )
    model = parser.add_argument(
        "--model", metavar="V", help="variable with the architecture; weights are replaced"
    )
    completes(model, completion.variables_of(MODEL))
    completes(parser.add_argument("--data", metavar="V", help="variable with the data"), completion.data)
    add_loaders(parser)
    optimizer = parser.add_argument("--optimizer", metavar="V", help="your own optimizer, if the run had one")
    completes(optimizer, completion.optimizers)
    completes(
        parser.add_argument("--loss", metavar="V", help="your own loss, if the run had one"),
        completion.losses,
    )
    add_own(parser)
    parser.add_argument("--background", action="store_true", help="go on in a process of its own")
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    target = find_run(context, args.run_name)
    objects = {
        "model": find_variable(context, args.model, MODEL),
        "data": find_data(context, args.data) if args.data is not None else None,
        "train": find_variable(context, args.train, LOADER),
        "val": find_variable(context, args.val, LOADER),
        "optimizer": find_variable(context, args.optimizer, OPTIMIZER),
        "loss": find_loss(context, args.loss),
        **find_own(context, args),
    }
    callbacks = find_callbacks(context, args.callback, background=args.background)
    from lepton_nb.training import resume

    changes = {name: getattr(args, name) for name in ("epochs", "lr", "clip", "on_nan")}
    found = resume(target, callbacks=callbacks, background=args.background, **changes, **objects)
    return show_run(context, found, background=args.background)
