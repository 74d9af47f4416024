"""`%lepton data`: reads a data set, checks it, and binds it to a variable."""

from __future__ import annotations

import argparse
import os
from typing import Any

from lepton_nb.errors import ArgumentError, NotFoundError, nearest
from lepton_nb.magics import completion
from lepton_nb.magics.catalogue import BUILTIN_DATA, is_path
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import LOADER, SOURCE, variable, variables
from lepton_nb.magics.parser import MagicParser, integer, number

_OWN = frozenset({"command", "run", "name", "source", "train", "val", "test"})
"""What the line says to the magic; everything else on it is an option of `lepton_nb.data.load`."""


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "data",
        usage="%(prog)s NAME [--from SOURCE] [options]",
        help="read data, clean and split it, and report on it",
        description=(
            "Read data, clean and split it, report what is in it, and make it the variable NAME.\n"
            "%lepton data digits needs no source: the digits come along."
        ),
    )
    name = parser.add_argument("name", metavar="NAME", help="variable to make, and the name in reports")
    completes(name, completion.data)
    group = parser.add_argument_group("source")
    source = group.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help="a folder of pictures or texts, a CSV or TSV file, the name of a torchvision dataset, digits,"
        " or a variable: a DataFrame, (X, y), a Dataset",
    )
    completes(source, completion.sources)
    for part in ("train", "val", "test"):
        action = group.add_argument(
            f"--{part}", metavar="LOADER", help=f"your own {part} DataLoader or Dataset"
        )
        completes(action, completion.loaders)
    _add_reading(parser.add_argument_group("reading", argument_default=argparse.SUPPRESS))
    _add_splitting(
        parser.add_argument_group("splitting and augmentation", argument_default=argparse.SUPPRESS)
    )
    return parser


def _add_reading(group: argparse._ArgumentGroup) -> None:
    task = group.add_argument("--task", metavar="TASK", help="kind of problem (default: from the source)")
    completes(task, completion.tasks)
    group.add_argument(
        "--target",
        metavar="COLUMN",
        help="column to predict in a table; several, a,b,c, are labels of 0 and 1",
    )
    group.add_argument("--text", metavar="COLUMN", help="column with the text")
    group.add_argument("--label", metavar="COLUMN", help="column with the label of the text")
    group.add_argument("--class-names", type=_names, metavar="A,B,C", help="names of the classes 0, 1, 2 …")
    group.add_argument(
        "--image-size", metavar="SIZE", help="side in pixels that pictures get, or HEIGHTxWIDTH"
    )
    group.add_argument("--max-length", type=integer, metavar="N", help="tokens of a text that count")
    group.add_argument("--vocab-size", type=integer, metavar="N", help="tokens to learn from the texts")
    root = group.add_argument("--root", metavar="DIR", help="folder of torchvision's downloads")
    completes(root, completion.files)
    group.add_argument(
        "--download", action=argparse.BooleanOptionalAction, help="fetch a torchvision dataset (default: yes)"
    )
    group.add_argument(
        "--cache", action=argparse.BooleanOptionalAction, help="keep decoded pictures on disk (default: yes)"
    )
    group.add_argument(
        "--stream",
        action="store_true",
        help="train at once: decode pictures while the first epoch runs (default: decode them first)",
    )


def _names(text: str) -> tuple[str, ...]:
    """Type of an option: names with commas between them."""
    return tuple(name.strip() for name in text.split(","))


def _add_splitting(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--val-fraction", type=number, metavar="X", help="share of the training data, 0 to 1 (default: 0.1)"
    )
    group.add_argument(
        "--test-fraction",
        type=number,
        metavar="X",
        help="share where the source has no test part (default: 0.2)",
    )
    group.add_argument("--seed", type=integer, metavar="N", help="equal seeds give equal splits (default: 0)")
    group.add_argument("--limit", type=integer, metavar="N", help="at most so many items of each split")
    group.add_argument(
        "--augment",
        choices=("none", "standard", "strong"),
        metavar="NAME",
        help="random changes to training pictures: none, standard, strong (default: none)",
    )


def run(context: Context, args: argparse.Namespace) -> Any:
    if not args.name.isidentifier():
        raise ArgumentError(f"{args.name!r} cannot be a variable's name.", "Use letters, digits and _.")
    options = {name: value for name, value in vars(args).items() if name not in _OWN}
    parts = _loaders(context, args, options)
    source = None if parts else _source(context, args)
    from lepton_nb import data
    from lepton_nb.widgets.reading import ReadingProgress

    if parts:
        bundle = data.loaders(**parts, name=args.name, **options)
    else:
        with ReadingProgress(context.shell, quiet=context.quiet, remedy=_remedy(source, options)) as progress:
            bundle = data.load(source, name=args.name, progress=progress, **options)
    _bind(context, args.name, bundle)
    return bundle


def _bind(context: Context, name: str, bundle: Any) -> None:
    """Make the data the variable `name`, or one beside it where the user has something else there."""
    kind, chosen = type(bundle), name
    while context.is_taken(chosen, kind):
        chosen = f"{name}_data" if chosen == name else f"{chosen}_"
    context.bind(chosen, bundle)
    context.memory.beside.pop(name, None)
    if chosen != name:
        stays = context.namespace[name]
        context.memory.beside[name] = (stays, bundle)
        print(
            f"The variable {name!r} stays your {type(stays).__name__}; the data set is {chosen!r}, "
            f"and --data {name} means it, too."
        )


def _remedy(source: Any, options: dict[str, Any]) -> str:
    """What spares the wait for a large folder of pictures."""
    text = "Stop it and add --stream to decode them while the first epoch trains."
    return text if isinstance(source, str) and os.path.isdir(source) and "stream" not in options else ""


def _loaders(context: Context, args: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """The user's loaders by part; empty where none is given.

    Raises:
        ArgumentError: If there is another source, none for training, or an option with no effect.
    """
    names = {part: getattr(args, part) for part in ("train", "val", "test")}
    parts = {part: variable(context, name, LOADER) for part, name in names.items() if name is not None}
    if parts and args.source is not None:
        raise ArgumentError(
            "Both --from and a loader are given; which shall it be?", "Leave one of them out."
        )
    if parts and "train" not in parts:
        raise ArgumentError(f"--{next(iter(parts))} needs --train beside it.", "Give --train LOADER.")
    unheeded = next((name for name in options if parts and name not in ("task", "class_names")), None)
    if unheeded is not None:
        flag = "--" + unheeded.replace("_", "-")
        raise ArgumentError(f"Your own loaders are used as they are; {flag} has no effect.", "Leave it out.")
    return parts


def _is_elsewhere(name: str) -> bool:
    """Whether `lepton_nb.data.load` finds a source of that name."""
    from lepton_nb.data.torchvision_sets import torchvision_names

    return is_path(name) or name.lower() in map(str.lower, torchvision_names())


def _source(context: Context, args: argparse.Namespace) -> Any:
    """A variable, or what `lepton_nb.data.load` takes as text: a path, or a built-in or torchvision name.

    A variable that is no source, as the data that this line made before, does not stand in the way of a
    source of its name: the same line reads the same again.

    Raises:
        NotFoundError: If no source is given and NAME is none.
        ArgumentError: If the variable is no source.
    """
    namespace = context.namespace
    name = args.source if args.source is not None else args.name
    if name in namespace and SOURCE.accepts(namespace[name]):
        return namespace[name]
    if name in BUILTIN_DATA:
        return name
    if args.source is not None:
        return name if name not in namespace or _is_elsewhere(name) else variable(context, name, SOURCE)
    best = nearest(args.name, [*BUILTIN_DATA, *variables(namespace, SOURCE)])
    raise NotFoundError(
        f"There is no built-in data {args.name!r}.",
        f"Did you mean {best!r}?" if best else f"Say where it is: %lepton data {args.name} --from PATH",
    )
