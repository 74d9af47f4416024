"""Look at a model without leaving a trace on it, or on the random numbers that follow."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


@contextmanager
def private_rng() -> Iterator[None]:
    """Restore the random state of torch (every device), numpy and Python when the block ends."""
    cpu, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        random.setstate(python)
        np.random.set_state(numpy)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        if mps is not None:
            torch.mps.set_rng_state(mps)


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
