"""The loss of a sequence, and the parts of a model that write one: as modules, for torch and for export."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lepton_nb.models.calling import scores_of
from lepton_nb.packaging.runners import module_runner
from lepton_nb.signature import Signature, TensorSpec
from lepton_nb.tasks.base import Graph, GraphSpec
from lepton_nb.tasks.translation.codec import TranslationCodec
from lepton_nb.tasks.translation.tokens import PAD, START, vocabulary


class TokenLoss(nn.Module):
    """Cross-entropy of each next token of the first target: the mean over an item's tokens, then over items.

    So a batch has the loss of its pieces, whatever their lengths.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """``logits (N, T, V)`` and ``target (N, R, T')``, whose first T tokens are compared."""
        wanted = target[:, 0, : logits.shape[1]]
        each = F.cross_entropy(
            logits.flatten(0, 1),
            wanted.flatten(),
            ignore_index=PAD,
            reduction="none",
            label_smoothing=self.label_smoothing,
        ).view_as(wanted)
        return (each.sum(1) / (wanted != PAD).sum(1)).mean()


class Encode(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor) -> Tensor:
        memory: Tensor = self.model.encode(source)
        return memory


class Step(nn.Module):
    """Logits ``(N, V)`` after one more token ``(N, 1)``, and the cache that has grown by it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, memory: Tensor, token: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        logits, grown = self.model.step(source, memory, token, cache)
        return logits[:, -1], grown


class Whole(nn.Module):
    """Any model, by position."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, source: Tensor, before: Tensor) -> Tensor:
        logits: Tensor = scores_of(self.model(source=source, before=before))
        return logits


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """What writes an answer, by name: see `decoding.writer`."""
    if callable(getattr(model, "encode", None)) and callable(getattr(model, "step", None)):
        return {"encode": Encode(model), "step": Step(model)}
    return {"model": Whole(model)}


def torch_graphs(model: nn.Module) -> dict[str, Graph]:
    """What a package holds as files, run by torch: so that one search serves both."""
    device = next((parameter.device for parameter in model.parameters()), None)
    return {name: module_runner(module, device) for name, module in modules_of(model).items()}


def written(model: nn.Module, source: Tensor, signature: Signature, beams: int | None) -> Tensor:
    """Ids of the answers ``(N, max_length)``, on the CPU."""
    begun = np.full((len(source), 1), START, dtype=np.int64)
    codec = TranslationCodec(signature)
    search = codec.search(torch_graphs(model), (source.cpu().numpy(), begun), beams or codec.beams)
    return torch.from_numpy(search.finished().answers)


def graph_specs(model: nn.Module, signature: Signature, example: tuple[Tensor, ...]) -> dict[str, GraphSpec]:
    modules = modules_of(model)
    source, before = example
    logits = TensorSpec("logits", "float32", (vocabulary(signature.preprocessing["tokenizer"]),))
    inputs = signature.inputs
    if "model" in modules:
        every = TensorSpec("logits", "float32", (None, *logits.shape))
        return {"model": GraphSpec(modules["model"], inputs, (every,), (source, before))}
    with torch.no_grad():
        memory = modules["encode"](source)
        cache = memory[:, :, :, :0]
        for _ in range(2):  # a free dimension is 2 or longer in an example
            cache = modules["step"](source, memory, before[:, :1], cache)[1]
    layers, heads, width = memory.shape[1], memory.shape[2], memory.shape[4]
    stored = TensorSpec("memory", "float32", (layers, heads, None, width))
    past, grown = (TensorSpec(name, "float32", stored.shape) for name in ("cache", "grown"))
    taken = (inputs[0], stored, TensorSpec("token", "int64", (1,)), past)
    return {
        "encode": GraphSpec(modules["encode"], inputs[:1], (stored,), (source,)),
        "step": GraphSpec(modules["step"], taken, (logits, grown), (source, memory, before[:, :1], cache)),
    }


def attention(model: nn.Module, source: Tensor, signature: Signature) -> dict[str, np.ndarray]:
    """Weights ``(T, S)`` of the answer to the longest source over it, with the ids of both.

    Nothing of a model that does not show its attention.
    """
    look = getattr(model, "attention", None)
    if not callable(look):
        return {}
    lengths = (source != PAD).sum(1)
    longest = source[lengths.argmax(), : int(lengths.max())][None]
    answer = written(model, longest, signature, None)[0].to(source.device)
    answer = answer[: int((answer != PAD).sum())]
    with torch.no_grad():
        weights = look(longest, torch.cat([answer.new_tensor([START]), answer[:-1]])[None])[0]
    named = {"attention": weights.float(), "attention_source": longest[0], "attention_answer": answer}
    return {name: tensor.cpu().numpy() for name, tensor in named.items()}
