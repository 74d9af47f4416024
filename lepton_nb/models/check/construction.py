"""Building a model, and the mistakes that show before any data goes through it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from lepton_nb.errors import LeptonError, ModelError, nearest
from lepton_nb.models.blame import line_of
from lepton_nb.models.calling import Inputs, input_tensors
from lepton_nb.models.check.diagnose import explain_code
from lepton_nb.models.spec import as_module


def construct(factory: Callable[..., Any], name: str, arguments: dict[str, Any]) -> nn.Module:
    """Call a class or factory and give the module it makes.

    Raises:
        ModelError: If it fails, or makes something else.
    """
    call = f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
    try:
        value = factory(**arguments)
    except LeptonError:
        raise
    except Exception as error:
        if "before Module.__init__() call" in str(error):
            raise missing_super(name, error) from error
        raise explain_code(call, error) from error
    module = as_module(value, call)
    check_hashable(module)
    return module


def check_hashable(module: nn.Module) -> None:
    """Raise a `ModelError` where a class of the model compares by value: torch keeps modules in sets."""
    kind = type(module)
    if getattr(kind, "__hash__", None) is None:
        at = (
            "@dataclass(eq=False)"
            if hasattr(kind, "__dataclass_fields__")
            else "__hash__ = nn.Module.__hash__"
        )
        raise ModelError(
            f"{kind.__name__} defines __eq__ and so has no hash, but torch keeps modules in sets.",
            f"Write {at}{' above' if at[0] == '@' else ' in'} the class.",
        )
    for child in getattr(module, "_modules", {}).values():
        if child is not None:
            check_hashable(child)


def missing_super(name: str, error: Exception | None = None) -> ModelError:
    line = line_of(error) if error is not None else None
    at = f" ({line})" if line is not None else ""
    return ModelError(
        f"{name}.__init__ makes layers before nn.Module is set up{at}.",
        "Write super().__init__() as the first line of __init__.",
    )


def check_construction(model: nn.Module, inputs: Inputs) -> None:
    """Raise a `ModelError` for what is wrong with a model as it stands, before it is called."""
    name = type(model).__name__
    if not hasattr(model, "_parameters"):
        raise missing_super(name)
    if getattr(type(model), "forward", None) is nn.Module.forward and "forward" not in vars(model):
        raise _no_forward(type(model))
    _check_registered(model)
    parameters = list(model.parameters())
    if not parameters:
        raise _no_parameters(type(model))
    if not any(parameter.requires_grad for parameter in parameters):
        raise ModelError(
            f"Every parameter of {name} is frozen (requires_grad=False): there is nothing to train.",
            f"Unfreeze {_last_layer(model)}.requires_grad_(True)",
        )
    _check_device(model, name, inputs)


def _last_layer(model: nn.Module) -> str:
    """The module that holds the last parameter, as one writes it."""
    parts = [name for name, _ in model.named_parameters()][-1].split(".")[:-1]
    place = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
    return f"the last layer: model{place}" if parts else "it: model"


def _no_forward(cls: type[nn.Module]) -> ModelError:
    if cls in (nn.ModuleList, nn.ModuleDict):
        return ModelError(f"nn.{cls.__name__} only holds layers; it has no forward.", "Use nn.Sequential.")
    own = [key for key, value in vars(cls).items() if inspect.isfunction(value)]
    init = vars(cls).get("__init__")
    inside = inspect.isfunction(init) and "forward" in init.__code__.co_varnames
    close = nearest("forward", own)
    if inside:
        hint = "Its def forward is indented inside __init__: move it to the left."
    elif close:
        hint = f"It has {close}: rename it to forward."
    else:
        hint = "Write def forward(self, x): … return x"
    return ModelError(f"{cls.__name__} has no forward.", hint)


def _no_parameters(cls: type[nn.Module]) -> ModelError:
    own = [key for key, value in vars(cls).items() if inspect.isfunction(value)]
    close = nearest("__init__", [key for key in own if key != "__init__"])
    hint = "Make its layers in __init__: self.fc = nn.Linear(…)."
    if close:
        hint = f"It has {close}: rename it to __init__."
    return ModelError(f"{cls.__name__} has no parameters: there is nothing to train.", hint)


def _check_registered(model: nn.Module) -> None:
    """Layers in a plain list or dict are not part of the model: they would neither train nor be saved."""
    registered = set(model.modules())
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute.startswith("_") or not isinstance(value, (list, tuple, dict)):
                continue
            items = list(value.values()) if isinstance(value, dict) else list(value)
            hidden = [item for item in items if isinstance(item, nn.Module) and item not in registered]
            hidden = [item for item in hidden if any(weight.requires_grad for weight in item.parameters())]
            if hidden:
                path = f"{name}.{attribute}" if name else attribute
                holder = "nn.ModuleDict" if isinstance(value, dict) else "nn.ModuleList"
                raise ModelError(
                    f"`{path}` is a plain {type(value).__name__}, so its {len(hidden)} trainable layers are "
                    "not part of the model: they would neither train nor be saved.",
                    f"Write self.{attribute} = {holder}(…).",
                )


def _check_device(model: nn.Module, name: str, inputs: Inputs) -> None:
    devices: dict[torch.device, str] = {}
    for key, parameter in model.named_parameters():
        devices.setdefault(parameter.device, key)
    given = input_tensors(inputs)[0].device
    if given in devices:
        return
    at = ", ".join(str(device) for device in devices)
    raise ModelError(f"{name} is on {at} but the batch is on {given}.", f'Write model = model.to("{given}").')
