"""What a model must not do whose tensors have their channels last in memory."""

from __future__ import annotations

from lepton_nb.errors import ModelError
from lepton_nb.models.blame import line_of


def view_failure(error: BaseException) -> ModelError | None:
    """A clear error where ``view`` met a tensor with channels last; None where something else went wrong."""
    if not isinstance(error, RuntimeError) or "view size is not compatible" not in str(error):
        return None
    line = line_of(error)
    return ModelError(
        f"view cannot read a tensor with its channels last{f' ({line})' if line else ''}.",
        "Write x.flatten(1) or x.reshape(...) there, or leave --channels-last out.",
    )
