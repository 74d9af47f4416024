"""A layer as the line of Python that makes it."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from torch import Tensor, nn

_SKIPPED = {"device", "dtype"}


def constructor(module: nn.Module, **changes: Any) -> str | None:
    """The call that makes `module`, such as ``nn.Conv2d(16, 64, 3, padding=1)``; None where it is not known.

    Arguments are read from attributes of the same name, as the layers of torch keep them. Those that equal
    their default are left out.

    Args:
        changes: Arguments to write in place of the module's own.
    """
    arguments = constructor_arguments(module)
    if arguments is None:
        return None
    arguments |= {name: _text(type(module), value) for name, value in changes.items() if name in arguments}
    parts, positional = [], True
    for parameter in _parameters(type(module)):
        text = arguments[parameter.name]
        if parameter.default is inspect.Parameter.empty:
            parts.append(text if positional else f"{parameter.name}={text}")
        elif text != repr(parameter.default):
            positional = False
            parts.append(f"{parameter.name}={text}")
        else:
            positional = False
    return f"{class_name(type(module))}({', '.join(parts)})"


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def class_name(cls: type) -> str:
    """``nn.Linear`` for a class of torch, the plain name for any other."""
    return f"nn.{cls.__name__}" if _is_torch(cls) else cls.__name__


def _is_torch(cls: type) -> bool:
    return cls.__module__.startswith("torch.nn.modules.")


def constructor_arguments(module: nn.Module) -> dict[str, str] | None:
    """Each argument of the module's constructor as Python text; None where one is not found on it."""
    found = {}
    for parameter in _parameters(type(module)):
        value = getattr(module, parameter.name, inspect.Parameter.empty)
        if parameter.name == "bias" and isinstance(parameter.default, bool):
            # `bias=True` makes a Parameter of the same name.
            value = value if isinstance(value, bool) else value is not None
        if parameter.name in _SKIPPED:
            value = parameter.default
        if value is inspect.Parameter.empty or isinstance(value, (Tensor, nn.Module)):
            if parameter.default is inspect.Parameter.empty:
                return None
            value = parameter.default
        text = _text(type(module), value)
        if not _is_expression(text):
            return None
        found[parameter.name] = text
    return found


def _parameters(cls: type) -> list[inspect.Parameter]:
    if issubclass(cls, nn.RNNBase):
        # nn.LSTM and its like take *args; their base class names them.
        return list(inspect.signature(nn.RNNBase.__init__).parameters.values())[2:]
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [parameter for parameter in found if parameter.kind not in kinds]


def _text(cls: type, value: Any) -> str:
    """Python text of an argument; in a layer of torch, ``3`` for the kernel ``(3, 3)``."""
    if _is_torch(cls) and isinstance(value, tuple) and value and value.count(value[0]) == len(value):
        value = value[0]
    return repr(value)
