"""The task: a model learns each next token of the target, and is measured on what it writes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lepton_nb.errors import ArgumentError
from lepton_nb.signature import Signature
from lepton_nb.tasks.base import Arrays, Codec, Graph, GraphSpec, Measures, Starter, Task
from lepton_nb.tasks.translation.codec import TranslationCodec
from lepton_nb.tasks.translation.tokens import START, pieces_of, vocabulary

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lepton_nb.batch import Batch, Tree
    from lepton_nb.models.objectives import Objective
    from lepton_nb.plots.charts import Chart
    from lepton_nb.tasks.meters import Meter

_SAMPLES = 3


class Translation(Task):
    """Ids of a source in, ids of an answer out, written token by token.

    A model takes ``source (N, S)`` and ``before (N, T)`` by name and gives logits ``(N, T, V)``. Where it has
    `encode` and `step` as `Transformer` does, a service calls those, and computes no token twice.
    """

    name: ClassVar[str] = "translation"
    title: ClassVar[str] = "Translation"
    monitor: ClassVar[str] = "val_chrf"
    mode: ClassVar[Literal["min", "max"]] = "max"
    target_dtype: ClassVar[Literal["int64", "float32"]] = "int64"

    def codec(self, signature: Signature) -> Codec:
        return TranslationCodec(signature)

    def starters(self) -> Mapping[str, Starter]:
        return {"Transformer": _transformer}

    def make_loss(
        self,
        signature: Signature,  # noqa: ARG002
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> nn.Module:
        from lepton_nb.tasks.translation.learning import TokenLoss

        if class_weights is not None:
            raise ArgumentError("class_weights is for classification; translation has no classes.")
        return TokenLoss(label_smoothing)

    def objective(self, signature: Signature, loss: Callable[..., Any]) -> Objective:
        """In training logits; in evaluation also the tokens that the model writes by itself."""
        from lepton_nb.models.calling import call_model, scores_of

        def objective(model: nn.Module, batch: Batch) -> tuple[Tensor | None, Tree]:
            logits = scores_of(call_model(model, batch.inputs))
            value = loss(logits, batch.target)
            if getattr(model, "training", True):
                return value, logits
            return value, {"logits": logits, "tokens": self.answer(model, batch, signature, beams=1)}

        return objective

    def meter(self, signature: Signature) -> Meter:
        from lepton_nb.tasks.translation.measures import TextMeter

        return TextMeter(signature.preprocessing["tokenizer"])

    def answer(
        self, model: nn.Module, batch: Batch, signature: Signature, *, beams: int | None = None
    ) -> Tensor:
        """What the service says, ``(N, max_length)``: the answer does not depend on the target.

        Args:
            beams: Other than those of the signature.
        """
        import torch

        source = batch.inputs["source"].cpu().numpy()
        begun = np.full((len(source), 1), START, dtype=np.int64)
        codec = TranslationCodec(signature)
        search = codec.search(torch_graphs(model), (source, begun), beams or codec.beams)
        return torch.from_numpy(search.finished().answers)

    def samples(self, model: nn.Module, batch: Batch, signature: Signature) -> list[str]:
        from lepton_nb.batch import part
        from lepton_nb.tasks.translation.measures import references_of, texts_of

        tokenizer = signature.preprocessing["tokenizer"]
        few = part(batch, 0, _SAMPLES)
        sources = texts_of(few.inputs["source"].cpu(), tokenizer)
        answers = texts_of(self.answer(model, few, signature), tokenizer)
        wanted = references_of(few.target.cpu(), tokenizer)
        return [f"{a} → {b}   ({' | '.join(c)})" for a, b, c in zip(sources, answers, wanted, strict=True)]

    def graphs(
        self, model: nn.Module, signature: Signature, example: tuple[Tensor, ...]
    ) -> dict[str, GraphSpec]:
        from lepton_nb.tasks.translation.learning import graph_specs

        return graph_specs(model, signature, example)

    def measure(self, preds: Tensor, target: Tensor, signature: Signature) -> Measures:
        from lepton_nb.tasks.translation.measures import corpus_scores, references_of, texts_of

        tokenizer = signature.preprocessing["tokenizer"]
        texts, references = texts_of(preds, tokenizer), references_of(target, tokenizer)
        exact = np.mean([text in wanted for text, wanted in zip(texts, references, strict=True)])
        scores = {**corpus_scores(texts, references), "exact": float(exact)}
        count, beams = sum(map(len, references)), int(signature.target["beams"])
        how = "the likeliest token each time" if beams == 1 else f"{beams} hypotheses followed"
        return Measures(scores, notes=[f"Against all {count:,} references of {len(texts):,} sources; {how}."])

    def insight(self, model: nn.Module, batch: Batch, signature: Signature) -> dict[str, np.ndarray]:
        """What of the first source the model looks at for each token of its answer."""
        from lepton_nb.tasks.translation.learning import attention

        return attention(self, model, batch, signature)

    def charts(self, measures: Measures, signature: Signature) -> list[Chart]:
        from lepton_nb.plots.charts import Matrix

        arrays = measures.arrays
        if "attention" not in arrays:
            return []
        tokenizer = signature.preprocessing["tokenizer"]
        source, answer = (
            tuple(pieces_of(arrays[name], tokenizer)) for name in ("attention_source", "attention_answer")
        )
        weights = arrays["attention"].tolist()
        title = "Attention while writing"
        return [
            Matrix(
                name="attention", title=title, rows=answer, columns=source, values=weights, counts=False,
                x="read", y="written",
            )
        ]

    def item_errors(self, preds: Tensor, target: Tensor, signature: Signature) -> Tensor:
        import torch

        from lepton_nb.tasks.translation.measures import references_of, sentence_errors, texts_of

        tokenizer = signature.preprocessing["tokenizer"]
        return torch.tensor(sentence_errors(texts_of(preds, tokenizer), references_of(target, tokenizer)))

    def describe(self, preds: np.ndarray, signature: Signature) -> list[str]:
        from lepton_nb.tasks.translation.measures import texts_of

        return texts_of(preds, signature.preprocessing["tokenizer"])

    def describe_target(self, target: np.ndarray, signature: Signature) -> list[str]:
        from lepton_nb.tasks.translation.measures import references_of

        return [" | ".join(texts) for texts in references_of(target, signature.preprocessing["tokenizer"])]


def torch_graphs(model: nn.Module) -> dict[str, Graph]:
    """What a package holds as files, run by torch: so that one search serves both."""
    from lepton_nb.tasks.translation.learning import modules_of

    return {name: _run_by_torch(module, model) for name, module in modules_of(model).items()}


def _run_by_torch(module: nn.Module, model: nn.Module) -> Graph:
    import torch

    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))

    def run(arrays: Arrays) -> Arrays:
        with torch.no_grad():
            found = module(*(torch.from_numpy(array).to(device) for array in arrays))
        tensors = found if isinstance(found, tuple) else (found,)
        return tuple(tensor.float().cpu().numpy() for tensor in tensors)

    return run


def _transformer(signature: Signature) -> nn.Module:
    from lepton_nb.tasks.translation.nets import Transformer

    settings = signature.preprocessing
    return Transformer(vocabulary(settings["tokenizer"]), max_length=int(settings["max_length"]))
