"""`%lepton evaluate`: metrics and figures of a run."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import ArgumentError, NotFoundError
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import MODEL, find_data, find_run, variables
from lepton_nb.magics.parser import MagicParser, integer


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "evaluate",
        usage="%(prog)s RUN [--data D] [--split NAME] [--importance] [--plotly]",
        help="measure a run on held-out data, with figures",
        description="Measure a run on held-out data: metrics, figures, and the worst mistakes.",
    )
    completes(
        parser.add_argument(
            "run_name", metavar="RUN", help="a run, or a model variable together with --data"
        ),
        completion.runs,
    )
    completes(
        parser.add_argument(
            "--data", metavar="D", help="data to measure on (default: what it was trained on)"
        ),
        completion.data,
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        help="part of the data (default: test, or val where there is no test)",
    )
    parser.add_argument(
        "--batch-size", type=integer, metavar="N", default=256, help="items in one batch (default: 256)"
    )
    parser.add_argument(
        "--importance", action="store_true", help="also how much each column of a table counts"
    )
    parser.add_argument("--plotly", action="store_true", help="interactive figures instead of pictures")
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    data = find_data(context, args.data) if args.data is not None else None
    target = _target(context, args.run_name, data)
    from lepton_nb.evaluation import evaluate

    result = evaluate(target, data, split=args.split, batch_size=args.batch_size, importance=args.importance)
    if args.plotly:
        result.backend = "plotly"
    return result


def _target(context: Context, name: str, data: Any) -> Any:
    """The run of that name, or the model variable where there is data for it."""
    model_names = variables(context.namespace, MODEL)
    try:
        return find_run(context, name)
    except NotFoundError:
        if name not in model_names:
            raise
    if data is None:
        raise ArgumentError(
            f"{name!r} is a model, not a run, so the data is not known.",
            f"%lepton evaluate {name} --data D",
        )
    return context.namespace[name]
