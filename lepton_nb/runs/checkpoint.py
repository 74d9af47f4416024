"""Checkpoints: one safetensors file each, never pickle, whole or absent, and checked when read.

The tensors are stored under the path that leads to them (``model.conv1.weight``), so that any safetensors
reader can take the weights out. What is not a tensor stands as JSON in the header's metadata, under
``structure``; ``about`` says which step it is. ``sha256`` is the digest of the whole file with that digest's
own 64 characters as zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from lepton_nb.errors import StoreError
from lepton_nb.runs.home import replacing
from lepton_nb.runs.nesting import decode, encode

if TYPE_CHECKING:
    import torch

_BLANK = b"0" * 64
_MARK = b'"sha256":"'
_CHUNK = 1 << 22
_DTYPES = {  # https://github.com/huggingface/safetensors#format
    "bool": "BOOL",
    **{f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"F{bits}" for bits in (16, 32, 64)},
    "bfloat16": "BF16",
    "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
}


def write_state(path: Path, state: Mapping[str, Any], about: Mapping[str, Any] | None = None) -> str:
    """Write a state as a safetensors file that replaces `path` when it is complete; returns its sha256.

    Args:
        path: The file.
        state: Nested dicts, lists and tuples of tensors, numbers, strings, bytes, booleans and None.
            Tensors on any device; a tensor that occurs twice (tied weights) is stored once.
        about: What to say of it in the header, as JSON.

    Raises:
        StoreError: If it holds something else, or cannot be written; `path` is as it was.
    """
    tensors: dict[str, torch.Tensor] = {}
    structure = encode(state, tensors)
    # Widest items first keeps every tensor aligned in the file, as the format asks.
    ordered = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    header = _header(ordered, {"about": json.dumps(dict(about or {})), "structure": json.dumps(structure)})
    prefix = len(header).to_bytes(8, "little") + header
    digest = hashlib.sha256(prefix)
    with replacing(path) as file:
        file.write(prefix)
        for _, tensor in ordered:
            data = _bytes(tensor)
            file.write(data)
            digest.update(data)
        file.seek(8 + header.index(_MARK + _BLANK) + len(_MARK))
        file.write(digest.hexdigest().encode())
    return digest.hexdigest()


def read_state(path: Path) -> dict[str, Any]:
    """The state that `write_state` wrote, its tensors on the CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        StoreError: If it is damaged, or no checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    try:
        metadata = verify(path)
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state: dict[str, Any] = decode(json.loads(metadata["structure"]), tensors)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise _damaged(path, str(error)) from error
    return state


def read_about(path: Path) -> tuple[dict[str, Any], str]:
    """What the header says of the state, and its sha256; nothing is verified.

    Raises:
        FileNotFoundError: If there is no such file.
        StoreError: If it is no checkpoint.
    """
    try:
        with path.open("rb") as file:
            metadata = _metadata(_read_header(file))
        return json.loads(metadata["about"]), metadata["sha256"]
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _damaged(path, "its header cannot be read") from error


def verify(path: Path) -> dict[str, str]:
    """Check every byte of the file against its digest; returns the header's metadata. Needs no torch.

    Raises:
        FileNotFoundError: If there is no such file.
        StoreError: If it is damaged.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(file)
            metadata = _metadata(header)
            blank = header.replace(_MARK + metadata["sha256"].encode(), _MARK + _BLANK, 1)
            digest = hashlib.sha256(len(header).to_bytes(8, "little") + blank)
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _damaged(path, "its header cannot be read") from error
    if digest.hexdigest() != metadata["sha256"]:
        raise _damaged(path, "its content does not match its sha256")
    return metadata


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(f"The checkpoint {path} is damaged: {reason}.")


def _read_header(file: BinaryIO) -> bytes:
    size = int.from_bytes(file.read(8), "little")
    header = file.read(size) if size < 1 << 30 else b""
    if not header or len(header) != size:
        raise ValueError("the header is cut off")
    return header


def _metadata(header: bytes) -> dict[str, str]:
    metadata: dict[str, str] = json.loads(header)["__metadata__"]
    return metadata


def _header(tensors: list[tuple[str, torch.Tensor]], metadata: dict[str, str]) -> bytes:
    # The digest comes first: its place is then found without looking through anything a user named.
    entries: dict[str, Any] = {"__metadata__": {"sha256": _BLANK.decode(), "format": "pt", **metadata}}
    offset = 0
    for name, tensor in tensors:
        end = offset + tensor.numel() * tensor.element_size()
        entries[name] = {
            "dtype": _dtype_name(name, tensor),
            "shape": list(tensor.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def _dtype_name(name: str, tensor: torch.Tensor) -> str:
    """The format's name of the tensor's dtype, such as ``BF16``."""
    known = _DTYPES.get(str(tensor.dtype).removeprefix("torch."))
    if known is None:
        raise StoreError(
            f"{name} has the dtype {tensor.dtype}, which a checkpoint cannot hold.",
            "Convert it, for example with .float().",
        )
    return known


def _bytes(tensor: torch.Tensor) -> memoryview:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data
