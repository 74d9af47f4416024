"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lepton_nb.plots.charts import Matrix

_NUMBERS_UP_TO = 20
"""With more classes than this, cells are too small for numbers, and the commonest mistakes are listed."""
_MISTAKES = 8


def confusion_matrix(matrix: np.ndarray, class_names: Sequence[str]) -> Matrix:
    """Rows are true classes, columns predictions.

    Args:
        matrix: Counts ``(C, C)``.
        class_names: The C names.
    """
    return Matrix(
        name="confusion",
        title="Confusion matrix",
        note=_mistakes(matrix, class_names) if len(class_names) > _NUMBERS_UP_TO else "",
        rows=tuple(class_names),
        columns=tuple(class_names),
        values=matrix.tolist(),
        x="predicted",
        y="true",
    )


def top_mistakes(matrix: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """The commonest mistakes as ``(true class, predicted class, items)``, largest first."""
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    cells = (divmod(int(cell), len(matrix)) for cell in order)
    return [(true, guess, int(wrong[true, guess])) for true, guess in cells if wrong[true, guess] > 0]


def _mistakes(matrix: np.ndarray, names: Sequence[str]) -> str:
    lines = [f"{n:,} × {names[t]} → {names[g]}" for t, g, n in top_mistakes(matrix, _MISTAKES)]
    return "\n".join(["Most often taken for another:", *lines]) if lines else "No mistakes."
