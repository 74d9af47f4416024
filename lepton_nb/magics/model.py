"""`%%lepton model` and `%lepton model`: defines a model and runs one real batch through it."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from lepton_nb.errors import ArgumentError, ModelError, nearest
from lepton_nb.magics import completion
from lepton_nb.magics.cell import cells_so_far, run_body
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import DATA, MODEL, find_data, find_model, variables
from lepton_nb.magics.parser import MagicParser

if TYPE_CHECKING:
    from lepton_nb.batch import Batch
    from lepton_nb.data import DataBundle
    from lepton_nb.models.tokens import Tokens
    from lepton_nb.signature import Signature


def add_parser(subparsers: Any) -> MagicParser:
    parser: MagicParser = subparsers.add_parser(
        "model",
        usage="%%%(prog)s NAME [--data D]            above a cell that defines NAME\n"
        "       %(prog)s NAME --data D [--name V]    for a model that exists",
        help="define a model, run one real batch through it, explain what does not fit",
        description=(
            "Define a model in a cell, or take one that exists, and run one real batch through it. Mistakes\n"
            "in the shapes are explained: the layer, what it got and from where, and what to write instead."
        ),
    )
    name = parser.add_argument(
        "name",
        metavar="NAME",
        help="the class, function or module that the cell defines; or a model variable, or the name of a"
        " starter, of a torchvision model, timm:NAME or hf:FOLDER_OR_NAME",
    )
    completes(name, completion.models)
    data = parser.add_argument("--data", metavar="D", help="data whose first batch the model is tried on")
    completes(data, completion.data)
    parser.add_argument(
        "--name", dest="variable", metavar="V", help="variable for a named model (default: NAME)"
    )
    parser.add_argument(
        "--weights",
        metavar="W",
        help="pretrained weights of a library's model: DEFAULT (a download), another name of torchvision's,"
        " or a .pth or .safetensors file",
    )
    return parser


def run(context: Context, args: argparse.Namespace) -> Any:
    _check_variable(context, args.variable)
    if context.cell is not None:
        run_body(context.shell, context.cell)
        target = _defined(context, args.name)
    else:
        target = find_model(context, args.name)
    definition = _define(context, target, args)
    if isinstance(target, str) or args.variable is not None:
        if args.variable is None:
            _check_variable(context, definition.name)
        context.bind(args.variable or definition.name, definition)
    if args.data is None:
        context.show(definition)
        context.say("It was not tried on data: --data D runs a real batch through it.")
    return definition


def _check_variable(context: Context, name: str | None) -> None:
    """Refuse to overwrite a variable of the user's."""
    from lepton_nb.models.definition import Definition

    if name is not None and context.is_taken(name, Definition):
        raise ArgumentError(
            f"{name!r} is a variable of yours, which is not overwritten.", f"Try --name {name}_model"
        )


def _defined(context: Context, name: str) -> Any:
    """What the cell defined under `name`.

    Raises:
        ModelError: If it defined no such thing, or something that is no model.
    """
    namespace = context.notebook
    if name not in namespace:
        best = nearest(name, variables(namespace, MODEL))
        raise ModelError(
            f"The cell ran, but defines no {name!r}.",
            f"Did you mean {best!r}?" if best else f"Write class {name}(nn.Module): …",
        )
    if not MODEL.accepts(namespace[name]):
        kind = type(namespace[name]).__name__
        raise ModelError(f"The cell defines {name!r} as a {kind}; expected {MODEL.expected}.")
    return namespace[name]


def _define(context: Context, target: Any, args: argparse.Namespace) -> Any:
    from lepton_nb.models import model

    options: dict[str, Any] = {}
    if args.data is not None:
        bundle = find_data(context, args.data)
        if not DATA.accepts(bundle):
            from lepton_nb.data import load

            bundle = load(bundle)
        options = {
            "signature": bundle.signature,
            "batch": bundle.example(),
            "loss": bundle.task.make_loss(bundle.signature),
            "starters": bundle.task.starters_for(bundle.signature),
            "read_again": partial(_read_again, bundle),
        }
    elif isinstance(target, str):
        raise ArgumentError(
            f"{target!r} is fitted to data, so it needs --data.", f"%lepton model {target} --data D"
        )
    if args.weights is not None:
        options["weights"] = args.weights
    namespace = context.namespace if context.cell is None else context.notebook
    name = None if isinstance(target, str) else args.name
    return model(target, name=name, namespace=namespace, cells=cells_so_far(context.shell), **options)


def _read_again(bundle: DataBundle, tokens: Tokens) -> tuple[Signature, Batch]:
    """The data's signature and first batch, read by the tokenizer of a model."""
    again = bundle.read_by(tokens)
    return again.signature, again.example()
