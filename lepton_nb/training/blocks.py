"""The blocks of layers of a model, in order: what fine-tuning freezes or gives a learning rate of its own."""

from __future__ import annotations

from fnmatch import fnmatchcase

from torch import nn

from lepton_nb.errors import ArgumentError, did_you_mean

BACKBONE = "backbone"
_FEWEST = 4  # blocks: with fewer, a model's parts are looked into
Block = list[nn.Parameter]


def layer_blocks(model: nn.Module) -> list[Block]:
    """The parameters of a model in blocks, from input to output: ``layer1``, ``layer2`` … of a ResNet.

    The model's parts are opened until there are at least four blocks and none holds more than half of all
    parameters, as far as there is something to open. Blocks of vectors alone, such as a norm's, join the one
    before. Order is that of registration, which is the order of computation in nearly every model.
    """
    parts = _children(model)
    total = sum(_size(part) for part in parts) or 1
    while True:
        open_ones = [i for i, part in enumerate(parts) if isinstance(part, nn.Module) and _opens(part)]
        if not open_ones:
            break
        largest = max(open_ones, key=lambda i: _size(parts[i]))
        if len(parts) >= _FEWEST and _size(parts[largest]) <= total / 2:
            break
        part = parts[largest]
        assert isinstance(part, nn.Module)
        parts[largest : largest + 1] = _children(part)
    blocks: list[Block] = []
    seen: set[int] = set()
    for part in parts:
        mine = [p for p in _parameters(part) if id(p) not in seen]
        seen.update(map(id, mine))
        if blocks and not any(p.ndim >= 2 for p in mine):
            blocks[-1] += mine
        elif mine:
            blocks.append(mine)
    return blocks


def frozen_modules(model: nn.Module, names: str) -> list[nn.Module]:
    """The modules that ``--freeze`` names.

    Args:
        model: The model.
        names: Comma-separated names as in ``model.named_modules()``, with ``*`` as a wildcard; or
            ``backbone``, which is every layer with parameters but the last.

    Raises:
        ArgumentError: If a name fits nothing, or nothing is left to train.
    """
    modules = {name: module for name, module in model.named_modules() if name and _size(module)}
    if names.strip() == BACKBONE and BACKBONE not in modules:
        leaves = [m for m in modules.values() if next(m.parameters(recurse=False), None) is not None]
        found = leaves[:-1]
    else:
        found = [
            module
            for pattern in filter(None, map(str.strip, names.split(",")))
            for module in _matching(modules, pattern)
        ]
    inside = {id(p) for module in found for p in module.parameters()}
    if all(id(p) in inside for p in model.parameters() if p.requires_grad):
        raise ArgumentError(
            f"freeze={names!r} leaves no parameter to train.",
            f"--freeze {BACKBONE} freezes all but the last layer.",
        )
    return found


def _matching(modules: dict[str, nn.Module], pattern: str) -> list[nn.Module]:
    found = [module for name, module in modules.items() if fnmatchcase(name, pattern)]
    if not found:
        top = [name for name in modules if "." not in name]
        raise ArgumentError(
            f"The model has no layer {pattern!r} to freeze.", did_you_mean(pattern, [*top, *modules])
        )
    return found


def _children(module: nn.Module) -> list[nn.Module | Block]:
    """A module's own parameters as one part, then its children that have any."""
    own = list(module.parameters(recurse=False))
    return [*([own] if own else []), *(child for child in module.children() if _size(child))]


def _opens(module: nn.Module) -> bool:
    return any(_size(child) for child in module.children())


def _parameters(part: nn.Module | Block) -> Block:
    return list(part.parameters()) if isinstance(part, nn.Module) else part


def _size(part: nn.Module | Block) -> int:
    return sum(p.numel() for p in _parameters(part))
