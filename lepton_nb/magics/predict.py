"""`%lepton predict`: asks a service, or a run, for one answer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lepton_nb.errors import ArgumentError
from lepton_nb.magics import completion
from lepton_nb.magics.catalogue import is_path
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import DEPLOYMENT, RUN
from lepton_nb.magics.parser import MagicParser


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "predict",
        usage="%(prog)s NAME INPUT [--out FILE]",
        help="ask a service or a run for the answer to real inputs",
        description=(
            "Ask a service, or a run where there is no service of that name, for an answer; to a table's\n"
            "file, a folder or a DataFrame for a DataFrame of answers."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", help="a service or a run")
    completes(name, completion.runs_and_deployments)
    value = parser.add_argument(
        "input", metavar="INPUT", nargs="+", help="a file, a folder, a text, a row as JSON, or a variable"
    )
    completes(value, completion.inputs)
    out = parser.add_argument("--out", metavar="FILE", help="write the answers to many inputs as a CSV file")
    completes(out, completion.files)
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    from lepton_nb.deployment import predict
    from lepton_nb.tasks.doubts import doubts
    from lepton_nb.widgets.answers import AnswerView

    with doubts() as found:
        answers = predict(_target(context, args.name), _value(context, args.input))
    if isinstance(answers, list):
        if args.out is not None:
            raise ArgumentError(
                "--out is for the answers to many inputs; this is one.", "Name a table or a folder."
            )
        context.show(AnswerView(answers, found))
        return answers
    for note in answers.attrs["notes"]:
        print(note)
    if args.out is not None:
        answers.to_csv(Path(args.out).expanduser(), index=False)
        print(f"{len(answers):,} answers in {args.out}.")
    return answers


def _target(context: Context, name: str) -> Any:
    """A variable that is a service or a run; else the name, of which `predict` knows what it is."""
    value = context.namespace.get(name)
    return value if RUN.accepts(value) or DEPLOYMENT.accepts(value) else name


def _value(context: Context, words: list[str]) -> Any:
    """The input that the words stand for."""
    text = " ".join(words)
    if not text.strip():
        raise ArgumentError("The input is empty.", "Give a file, a text, a row as JSON, or a variable.")
    if text in context.namespace and text.isidentifier():
        return context.namespace[text]
    if is_path(text):
        return Path(text).expanduser()
    if text[0] in "{[":
        try:
            return json.loads(text)
        except ValueError as error:
            raise ArgumentError(
                f"The input looks like JSON, but is not: {error}.", 'Write {"column": 1.5}.'
            ) from None
    return text
