"""`%lepton data`: reads a data set, checks it, and binds it to a variable."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import Field
from typing import Any, get_type_hints

from lepton_nb.errors import ArgumentError, NotFoundError, nearest
from lepton_nb.magics import completion
from lepton_nb.magics.catalogue import builtin_data, is_path
from lepton_nb.magics.completion import Completer, completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.fields import add_field, field_help
from lepton_nb.magics.names import LOADER, SOURCE, variable, variables
from lepton_nb.magics.parser import MagicParser

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
        fill=_fill,
    )
    name = parser.add_argument("name", metavar="NAME", help="variable to make, and the name in reports")
    completes(name, completion.data)
    return parser


def _fill(parser: MagicParser) -> None:
    """Add what follows from the sources there are."""
    from lepton_nb.data.loading import expected

    group = parser.add_argument_group("source")
    completes(
        group.add_argument("--from", dest="source", metavar="SOURCE", help=expected()), completion.sources
    )
    for part in ("train", "val", "test"):
        action = group.add_argument(
            f"--{part}", metavar="LOADER", help=f"your own {part} DataLoader or Dataset"
        )
        completes(action, completion.loaders)
    _add_options(parser)


def _add_options(parser: MagicParser) -> None:
    """The options of all sources, each once, under the title of what brings it in first."""
    groups: dict[str, argparse._ArgumentGroup] = {}
    actions: dict[str, argparse.Action] = {}
    for title, field, hint in line_options():
        text = field_help(field)
        if field.name in actions:
            before = actions[field.name]
            before.help = before.help if text in str(before.help) else f"{before.help}; {title}: {text}"
            continue
        group = groups.get(title) or groups.setdefault(title, parser.add_argument_group(title))
        action = add_field(group, field, hint, metavar=field.metadata["metavar"])
        actions[field.name] = completes(
            action, _COMPLETERS.get(field.metadata["completes"], completion.nothing)
        )


def line_options() -> Iterator[tuple[str, Field[Any], Any]]:
    """The options of every source: the title of the class that brings it in, the field, and its type."""
    from lepton_nb.data.sources import sources

    for source in sources().values():
        hints = get_type_hints(source.options)
        for title, field in source.options.on_line():
            yield title, field, hints[field.name]


_COMPLETERS: dict[str, Completer] = {"files": completion.files, "tasks": completion.tasks}


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
        with ReadingProgress(quiet=context.quiet, remedy=_remedy(source, options)) as progress:
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
    from lepton_nb.data.loading import choose

    if not isinstance(source, str) or not os.path.isdir(source) or "stream" in options:
        return ""
    streams = "stream" in choose(source, options).options.names()
    return "Stop it and add --stream to decode them while the first epoch trains." if streams else ""


def _loaders(context: Context, args: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """The user's loaders by part; empty where none is given.

    Raises:
        ArgumentError: If there is another source, none for training, or an option with no effect.
    """
    from lepton_nb.data.sources import sources

    names = {part: getattr(args, part) for part in ("train", "val", "test")}
    parts = {part: variable(context, name, LOADER) for part, name in names.items() if name is not None}
    if parts and args.source is not None:
        raise ArgumentError(
            "Both --from and a loader are given; which shall it be?", "Leave one of them out."
        )
    if parts and "train" not in parts:
        raise ArgumentError(f"--{next(iter(parts))} needs --train beside it.", "Give --train LOADER.")
    heeded = sources()["loaders"].options.names()
    unheeded = next((name for name in options if parts and name not in heeded), None)
    if unheeded is not None:
        flag = "--" + unheeded.replace("_", "-")
        raise ArgumentError(f"Your own loaders are used as they are; {flag} has no effect.", "Leave it out.")
    return parts


def _is_elsewhere(name: str) -> bool:
    """Whether `lepton_nb.data.load` finds a source of that name."""
    from lepton_nb.data.sources import sources

    return is_path(name) or any(source.knows(name) for source in sources().values())


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
    if name in builtin_data():
        return name
    if (
        args.source is not None
        and not _is_elsewhere(name)
        and isinstance(namespace.get(name), str | os.PathLike)
    ):
        return namespace[name]  # a variable that holds a path
    if args.source is not None:
        return name if name not in namespace or _is_elsewhere(name) else variable(context, name, SOURCE)
    best = nearest(args.name, [*builtin_data(), *variables(namespace, SOURCE)])
    raise NotFoundError(
        f"There is no built-in data {args.name!r}.",
        f"Did you mean {best!r}?" if best else f"Say where it is: %lepton data {args.name} --from PATH",
    )
