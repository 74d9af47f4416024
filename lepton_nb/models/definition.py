"""`Definition`: a model that is checked and can be built."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from lepton_nb.models.check import CheckReport
from lepton_nb.models.spec import ModelSpec
from lepton_nb.models.summary import Summary
from lepton_nb.models.tokens import Tokens


@dataclass
class Definition:
    """A model that can be built: a class, a factory, a name, or an instance of the user's.

    Attributes:
        name: What users call it.
        spec: How to build it again elsewhere.
        factory: Builds a new module; None where the user gave an instance.
        instance: The user's own module.
        report: What one real batch showed; None where none was given.
        summary: Layers and costs; None where no batch was given.
        notes: What was adapted or filled in, one sentence each.
        tokens: How it reads texts, where its tokenizer is its own.
    """

    name: str
    spec: ModelSpec
    factory: Callable[[], nn.Module] | None = None
    instance: nn.Module | None = None
    report: CheckReport | None = None
    summary: Summary | None = None
    notes: list[str] = field(default_factory=list)
    tokens: Tokens | None = None

    def build(self) -> nn.Module:
        """A new module, or the user's own instance.

        Raises:
            ModelError: If the class or factory fails.
        """
        if self.instance is not None:
            return self.instance
        assert self.factory is not None
        return self.factory()

    @property
    def remarks(self) -> list[str]:
        """Notes and warnings, and what could not be captured: one sentence each."""
        warnings = self.report.warnings if self.report is not None else []
        return [*self.notes, *warnings, *(f"Only in this kernel: {reason}." for reason in self.spec.missing)]

    def __str__(self) -> str:
        parts = [self._title(), *([str(self.summary)] if self.summary else []), *self.remarks]
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        table = self.summary._repr_html_() if self.summary is not None else ""
        remarks = "".join(f"<div>• {html.escape(remark)}</div>" for remark in self.remarks)
        return f"<div><b>{html.escape(self._title())}</b></div>{table}{remarks}"

    def _title(self) -> str:
        loss = f" · loss of a first batch {self.report.loss:.3g}" if self.report is not None else ""
        expression = self.spec.expression
        built = f" = {expression}" if expression and expression not in (self.name, f"{self.name}()") else ""
        return f"{self.name}{built}{loss}"
