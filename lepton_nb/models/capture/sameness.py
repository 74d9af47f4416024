"""Whether two modules are the same architecture: layers, shapes, settings and code, but not weights."""

from __future__ import annotations

import re
import types
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from lepton_nb.models.capture.finding import definition_key
from lepton_nb.models.capture.imports import is_installed
from lepton_nb.models.capture.values import value_text


def difference(model: nn.Module, rebuilt: nn.Module) -> str | None:
    """The first thing in which `rebuilt` differs from `model`, in words; None where they are the same."""
    ours, theirs = dict(model.named_modules()), dict(rebuilt.named_modules())
    if ours.keys() != theirs.keys():
        return f"other layers, {_shown(ours.keys() ^ theirs.keys())}"
    for name, module in ours.items():
        found = _module_difference(module, theirs[name])
        if found is not None:
            return f"{found} in `{name}`" if name else found
    return _state_difference(model, rebuilt)


def _module_difference(module: nn.Module, rebuilt: nn.Module) -> str | None:
    if isinstance(rebuilt, LazyModuleMixin) and type(module) is rebuilt.cls_to_become:
        return None  # a batch has shaped it since
    if not same_class(type(module), type(rebuilt)):
        return f"another class {type(rebuilt).__qualname__}"
    for hooks in ("_forward_hooks", "_forward_pre_hooks"):
        if len(getattr(module, hooks)) != len(getattr(rebuilt, hooks)):
            return "other forward hooks"
    if module.extra_repr() != rebuilt.extra_repr():
        return f"{rebuilt.extra_repr()} for {module.extra_repr()}"
    ours, theirs = _settings(module), _settings(rebuilt)
    differing = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    return f"another value of {_shown(differing)}" if differing else None


def _state_difference(model: nn.Module, rebuilt: nn.Module) -> str | None:
    ours, theirs = _shapes(model), _shapes(rebuilt)
    if ours.keys() != theirs.keys():
        return f"other weights, {_shown(ours.keys() ^ theirs.keys())}"
    for key, shape in ours.items():
        if None not in (shape, theirs[key]) and shape != theirs[key]:
            return f"another shape of `{key}`"
    kept, other = model.state_dict().keys(), dict(rebuilt.named_buffers())
    for key, buffer in model.named_buffers():
        if key not in kept and not same_value(buffer, other.get(key)):
            return f"another value of `{key}`"
    return None


def _shapes(model: nn.Module) -> dict[str, Any]:
    return {
        key: None if is_lazy(value) else (tuple(value.shape), value.dtype)
        for key, value in model.state_dict(keep_vars=True).items()
        if isinstance(value, Tensor)
    }


def same_class(ours: type, theirs: type) -> bool:
    """Whether two classes are one, or run the same code all the way up to installed ones."""
    if ours is theirs:
        return True
    if ours.__qualname__ != theirs.__qualname__:
        return False
    if is_installed(ours.__module__) or is_installed(theirs.__module__):
        return ours.__module__ == theirs.__module__  # made on the fly, such as a parametrized layer
    same_code = definition_key(ours) == definition_key(theirs)
    bases = zip(ours.__bases__, theirs.__bases__, strict=False)
    return (
        same_code and len(ours.__bases__) == len(theirs.__bases__) and all(same_class(a, b) for a, b in bases)
    )


def same_value(ours: Any, theirs: Any) -> bool:
    """Whether two values of the notebook are equal, as far as that can be told."""
    if isinstance(ours, nn.Module) and isinstance(theirs, nn.Module):
        return difference(ours, theirs) is None and all(
            torch.equal(a, b) for a, b in zip(_weights(ours), _weights(theirs), strict=True)
        )
    return bool(_key(ours) == _key(theirs))


def _weights(module: nn.Module) -> list[Tensor]:
    return [value for value in module.state_dict().values() if isinstance(value, Tensor)]


def _settings(module: nn.Module) -> dict[str, Any]:
    """The plain attributes of a module: what its forward may depend on beside weights and layers."""
    return {
        key: _key(value)
        for key, value in vars(module).items()
        if not key.startswith("_") and key != "training"
    }


def _key(value: Any) -> Any:
    """Something that is equal for equal values, across two runs of the same code."""
    if isinstance(value, Tensor):
        return (str(value.dtype), tuple(value.shape), value.detach().cpu().flatten().tolist())
    if isinstance(value, (types.FunctionType, types.MethodType)):
        function = getattr(value, "__func__", value)
        return definition_key(function) if isinstance(function, types.FunctionType) else repr(function)
    if isinstance(value, (type, types.BuiltinFunctionType)):
        return value.__qualname__
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [_key(item) for item in value])
    if isinstance(value, dict):
        return [(_key(key), _key(item)) for key, item in value.items()]
    if isinstance(value, nn.Module) or object.__repr__(value) == repr(value):
        plain = {
            key: text for key, item in _attributes(value).items() if (text := value_text(item)) is not None
        }
        return (type(value).__qualname__, plain)
    return (type(value).__qualname__, re.sub(r"0x[0-9a-f]+", "0x", repr(value)))


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object, or nothing for one without a ``__dict__``."""
    return dict(getattr(value, "__dict__", {}))


def _shown(names: Any) -> str:
    every = sorted(f"`{name}`" for name in names)
    return ", ".join(every[:3]) + (" …" if len(every) > 3 else "")
