"""`%lepton schedule`: learning-rate schedules drawn before they run."""

from __future__ import annotations

import argparse
from typing import Any, get_args, get_type_hints

from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import find_data
from lepton_nb.magics.parser import MagicParser
from lepton_nb.magics.settings import add_settings, given_settings
from lepton_nb.training import TrainConfig

_SETTINGS = (
    *("epochs", "batch_size", "lr", "optimizer", "warmup", "drop", "drop_after", "accumulation", "swa"),
)


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "schedule",
        usage="%(prog)s [NAME ...] [--epochs N] [--lr X] [--data D]",
        help="draw learning-rate schedules before they run",
        description="Draw how the learning rate would move in %lepton train, for one schedule or several.",
    )
    names = get_args(get_type_hints(TrainConfig)["schedule"])
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"{', '.join(names)} (default: {TrainConfig.schedule})",
    )
    completes(
        parser._actions[-1],
        lambda namespace, typed: [(name, "value") for name in names],  # noqa: ARG005
    )
    data = parser.add_argument("--data", metavar="D", help="data that says how many steps an epoch has")
    completes(data, completion.data)
    add_settings(parser, only=_SETTINGS)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    data = find_data(context, args.data) if args.data is not None else None
    from lepton_nb.training import schedule

    return schedule(*args.names, data=data, **given_settings(args))
