"""Look at a model without leaving a trace on it, or on the random numbers that follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn

from lepton_nb.models.seeding import private_rng


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode; afterwards every module is in the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def without_gradients(model: nn.Module, objective: Any = None) -> AbstractContextManager[Any]:
    """The fastest mode that records no gradients: TorchScript keeps what it saw in inference mode.

    Args:
        objective: What measures in it; one that ``makes_graphs`` cannot within inference mode.
    """
    graphs = hasattr(objective, "makes_graphs")
    scripted = any(isinstance(module, torch.jit.ScriptModule) for module in model.modules())
    return torch.no_grad() if scripted or graphs else torch.inference_mode()


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Restore the buffers, gradients and modes of `model`, and the random state, when the block ends.

    Parameters are not copied: nothing in the block may step an optimizer. Lazy layers come in materialised.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    grads = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in grads:
        parameter.grad = None
    try:
        with private_rng():
            yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for module, name, buffer, saved in buffers:
                buffer.copy_(saved)
                module._buffers[name] = buffer
        for parameter, grad in grads:
            parameter.grad = grad
