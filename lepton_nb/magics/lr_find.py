"""`%lepton lr-find`: a range test that suggests a learning rate."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_data, find_model
from lepton_nb.magics.objects import add_objects, find_objects
from lepton_nb.magics.parser import MagicParser, integer, number
from lepton_nb.magics.settings import add_settings, given_settings

_SETTINGS = (
    *(
        "batch_size",
        "optimizer",
        "weight_decay",
        "momentum",
        "clip",
        "accumulation",
        "lora",
        "freeze",
        "lr_decay",
    ),
    *("label_smoothing", "class_weights", "mixup", "cutmix", "device", "precision", "seed"),
)


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "lr-find",
        usage="%(prog)s MODEL --data D [options]",
        help="suggest a learning rate, with a plot",
        description=(
            "Raise the learning rate step by step until the loss explodes, and suggest a good one.\n"
            "Afterwards the model and the optimizer are as they were."
        ),
    )
    completes(
        parser.add_argument("model", metavar="MODEL", nargs="?", help="as for %%lepton train"),
        completion.models,
    )
    add_objects(parser)
    group = parser.add_argument_group("range")
    group.add_argument("--start", type=number, metavar="X", default=1e-7, help="lowest rate (default: 1e-7)")
    group.add_argument("--end", type=number, metavar="X", default=10.0, help="highest rate (default: 10)")
    group.add_argument("--steps", type=integer, metavar="N", default=100, help="how many (default: 100)")
    add_settings(parser, only=_SETTINGS)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    model = find_model(context, args.model) if args.model is not None else None
    data = find_data(context, args.data) if args.data is not None else None
    settings = given_settings(args)
    objects = find_objects(context, args, settings)
    from lepton_nb.training import lr_find

    found = lr_find(model, data, start=args.start, end=args.end, steps=args.steps, **objects, **settings)
    if found.suggestion is not None:
        words = [args.model or "", *(f"--{key} {value}" for key, value in _sources(args).items() if value)]
        line = " ".join(filter(None, words))
        found.command = f"%lepton train {line} --lr {found.suggestion:.2g}"
    return found


def _sources(args: argparse.Namespace) -> dict[str, str | None]:
    names = ("data", "train", "val", "optimizer", "loss")
    return {name: getattr(args, name, None) for name in names}
