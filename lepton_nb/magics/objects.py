"""The user's own loaders, optimizer and loss, named on the line: options and look-up."""

from __future__ import annotations

import argparse
from typing import Any

from lepton_nb.errors import NotFoundError, did_you_mean
from lepton_nb.magics import completion
from lepton_nb.magics.completion import completes
from lepton_nb.magics.context import Context
from lepton_nb.magics.names import (
    CALLBACK,
    LOADER,
    LOSS,
    METRIC,
    OPTIMIZER,
    SCHEDULER,
    STEP,
    NameKind,
    variable,
    variables,
)
from lepton_nb.magics.parser import MagicParser
from lepton_nb.magics.settings import OPTIMIZERS


def add_objects(parser: MagicParser) -> None:
    """The options that name the user's own objects, apart from the optimizer."""
    group = parser.add_argument_group("data and loss")
    data = group.add_argument("--data", metavar="D", help="a data variable, a path, or digits")
    completes(data, completion.data)
    add_loaders(group)
    loss = group.add_argument(
        "--loss", metavar="LOSS", help="a loss variable, or a name in torch.nn (default: the task's loss)"
    )
    completes(loss, completion.losses)


def add_loaders(group: argparse._ActionsContainer) -> None:
    """The options that name the user's own loaders."""
    train = group.add_argument(
        "--train", metavar="LOADER", help="in place of --data: your DataLoader or Dataset"
    )
    completes(train, completion.loaders)
    val = group.add_argument(
        "--val", metavar="LOADER", help="the held-out DataLoader or Dataset beside --train"
    )
    completes(val, completion.loaders)


def add_own(parser: MagicParser) -> None:
    """The options that name what else of a training the user brings."""
    group = parser.add_argument_group("your own")
    step = group.add_argument(
        "--step",
        metavar="V",
        help="in place of a loss: step(model, batch) gives one, step(model, batch, optimizers) moves, too",
    )
    completes(step, completion.variables_of(STEP))
    scheduler = group.add_argument(
        "--scheduler", metavar="V", help="a torch.optim.lr_scheduler, its class, a partial, or a function"
    )
    completes(scheduler, completion.variables_of(SCHEDULER))
    text = "a metric beside the task's: of torchmetrics, or a function of outputs and target; repeatable"
    _add_repeatable(group, "--metric", METRIC, text)
    add_callbacks(parser)


def find_objects(context: Context, args: argparse.Namespace, settings: dict[str, Any]) -> dict[str, Any]:
    """The user's loaders, optimizer and loss; an optimizer is taken out of the `settings`."""
    return {
        "train": find_variable(context, args.train, LOADER),
        "val": find_variable(context, args.val, LOADER),
        "optimizer": find_optimizer(context, settings.pop("optimizer", None)),
        "loss": find_loss(context, args.loss),
    }


def find_own(context: Context, args: argparse.Namespace) -> dict[str, Any]:
    """The user's step, scheduler and metrics, these by the names of their variables."""
    metrics = {name.rpartition(".")[2]: variable(context, name, METRIC) for name in args.metric}
    return {
        "step": find_variable(context, args.step, STEP),
        "scheduler": find_variable(context, args.scheduler, SCHEDULER),
        "metrics": metrics or None,
    }


def add_callbacks(parser: MagicParser) -> None:
    """The option that names the user's own callbacks; it may stand more than once."""
    text = "your own callback: a lepton_nb.Callback, or a function called after each epoch; repeatable"
    _add_repeatable(parser, "--callback", CALLBACK, text)


def _add_repeatable(group: argparse._ActionsContainer, option: str, kind: NameKind, text: str) -> None:
    """An option that names a variable of that kind each time it stands."""
    action = group.add_argument(option, metavar="V", action="append", default=[], help=text)
    completes(action, completion.variables_of(kind))


def find_callbacks(context: Context, names: list[str], *, background: bool) -> list[Any]:
    """The user's callbacks, and in front of them what shows the progress here, if it is here."""
    own = [variable(context, name, CALLBACK) for name in names]
    from lepton_nb.widgets import progress_callbacks

    return [*([] if context.quiet or background else progress_callbacks()), *own]


def find_variable(context: Context, name: str | None, kind: NameKind) -> Any:
    """The variable, or None where the option is not given."""
    return None if name is None else variable(context, name, kind)


def find_optimizer(context: Context, name: str | None) -> Any:
    """An optimizer variable, or the name of one of `TrainConfig`'s.

    Raises:
        NotFoundError: If it is neither.
    """
    if name is None or (name in OPTIMIZERS and name not in variables(context.namespace, OPTIMIZER)):
        return name
    if name not in context.namespace:
        known = [*variables(context.namespace, OPTIMIZER), *OPTIMIZERS]
        raise NotFoundError(f"There is no optimizer {name!r}.", did_you_mean(name, known))
    return variable(context, name, OPTIMIZER)


def find_loss(context: Context, name: str | None) -> Any:
    """A loss variable, or the name of a loss in torch.nn as it was given."""
    if name is None or (name not in context.namespace and "Loss" in name):
        return name
    return variable(context, name, LOSS)
