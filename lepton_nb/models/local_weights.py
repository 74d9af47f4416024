"""Weights from a file of the user's, for a model of a library."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lepton_nb.errors import ModelError

_SUFFIXES = {".bin", ".ckpt", ".pt", ".pth", ".safetensors", ".tar"}
_HOLDERS = ("state_dict", "model_state_dict", "model", "weights")
_PREFIXES = ("module.", "_orig_mod.", "model.")


def is_weights_file(weights: str) -> bool:
    """Whether it names a file, not weights that the library knows."""
    return Path(weights).suffix.lower() in _SUFFIXES or Path(weights).expanduser().is_file()


def read_weights(path: str) -> dict[str, Tensor]:
    """The ``state_dict`` in a file of torch or safetensors; nothing in it is executed.

    One within a checkpoint is found, and the prefixes of DataParallel, `torch.compile` and Lightning go.

    Raises:
        ModelError: If there is no such file, or it holds something else.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ModelError(
            f"There is no file {path} with weights.", "Give the path of a .pth, .pt or .safetensors file."
        )
    found = _read(file)
    held = found if isinstance(found, Mapping) else {}
    held = next((held[name] for name in _HOLDERS if isinstance(held.get(name), Mapping)), held)
    state = {str(key): value for key, value in held.items() if isinstance(value, Tensor)}
    if not state:
        raise ModelError(
            f"{file.name} holds a {type(found).__name__} without tensors, not the weights of a model.",
            f'Write it with torch.save(model.state_dict(), "{file.name}").',
        )
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _read(file: Path) -> Any:
    save = f'torch.save(model.state_dict(), "{file.name}")'
    try:
        if file.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported global" not in str(error):
            raise _unreadable(file, "it is no file of torch, or a damaged one", save) from error
        raise ModelError(
            f"{file.name} holds more than tensors, perhaps a whole model. It is not read: it could run code.",
            f"Save the weights alone where it was made: {save}",
        ) from error
    except Exception as error:  # zip, pickle and safetensors each raise what they run into
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise _unreadable(file, reason, save) from error


def _unreadable(file: Path, reason: str, save: str) -> ModelError:
    return ModelError(
        f"{file.name} cannot be read as weights: {reason}.", f"Copy it again, or write it with {save}"
    )


def fill(model: nn.Module, state: Mapping[str, Tensor], head: str, path: str) -> None:
    """Put weights into a model; those of its head only where they are for as many classes.

    Args:
        head: Name of its last layer.

    Raises:
        ModelError: If anything but the head is missing or has another shape.
    """
    own = model.state_dict()
    fitting = {key: state[key] for key in own if key in state and state[key].shape == own[key].shape}
    needed = [key for key in own if not _is_of(key, head) and not key.endswith("num_batches_tracked")]
    wrong = [key for key in needed if key not in fitting]
    if wrong:
        seen = f"is {tuple(state[wrong[0]].shape)}" if wrong[0] in state else "is missing"
        raise ModelError(
            f"{Path(path).name} does not hold the weights of this model: `{wrong[0]}` "
            f"{tuple(own[wrong[0]].shape)} {seen} there; {len(needed) - len(wrong)} of {len(needed)} fit.",
            "Name the model that it was saved from.",
        )
    model.load_state_dict(fitting, strict=False)


def left_out_note(model: nn.Module, state: Mapping[str, Tensor], head: str, path: str) -> str | None:
    """Which weights of a file a model did not take; None where it took all."""
    own = model.state_dict()
    of_head = [key for key in own if _is_of(key, head) and key in state]
    left = [key for key in of_head if state[key].shape != own[key].shape]
    extra = [key for key in state if key not in own]
    if not left and not extra:
        return None
    shown = ", ".join(f"`{key}`" for key in [*left, *extra][:4]) + (
        " …" if len(left) + len(extra) > 4 else ""
    )
    classes = f": the head `{head}` begins at random" if left else ""
    return (
        f"{shown} of {Path(path).name} {'were' if len(left) + len(extra) > 1 else 'was'} left out{classes}."
    )


def _is_of(key: str, layer: str) -> bool:
    return key.startswith(f"{layer}.")
