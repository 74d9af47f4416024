"""What a regression gets wrong: predictions over the truth, and how the errors spread."""

from __future__ import annotations

import numpy as np

from lepton_nb.plots.charts import Bars, Mark, Scatter

MAX_POINTS = 5_000
"""More points than this are drawn as a random sample of so many."""


def predicted_vs_true(preds: np.ndarray, target: np.ndarray, name: str) -> Scatter:
    """One point an item; on the diagonal, the prediction is right.

    Args:
        preds: Values ``(N,)`` or ``(N, T)`` in the target's unit.
        target: The truth, shaped like ``preds``.
        name: What is predicted.
    """
    guess, truth = _sample(preds.ravel(), target.ravel())
    return Scatter(
        name="predicted",
        title=f"{name}: predicted and true",
        across=truth.tolist(),
        up=guess.tolist(),
        x=f"true {name}",
        y=f"predicted {name}",
        identity=True,
    )


def residual_histogram(preds: np.ndarray, target: np.ndarray, name: str) -> Bars:
    """How many items are off by how much; arguments as `predicted_vs_true`."""
    errors = (preds - target).ravel()
    mean, spread = float(errors.mean()), float(errors.std())
    counts, edges = np.histogram(errors, bins=_bins(errors))
    return Bars(
        name="residuals",
        title=f"Errors: {mean:+.3g} on average, spread {spread:.3g}".replace("-", "−"),
        at=((edges[:-1] + edges[1:]) / 2).tolist(),
        width=0.94 * float(edges[1] - edges[0]),
        heights=counts.tolist(),
        x=f"predicted − true {name}",
        y="items",
        marks=(Mark(x=0.0),),
    )


def _bins(errors: np.ndarray) -> int:
    """The square root of their number, from 5 to 60; one where they differ by rounding only."""
    if np.ptp(errors) <= 1e-9 * np.abs(errors).max():
        return 1
    return int(np.clip(np.sqrt(len(errors)), 5, 60))


def _sample(guess: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(guess) <= MAX_POINTS:
        return guess, truth
    chosen = np.random.default_rng(0).choice(len(guess), MAX_POINTS, replace=False)
    return guess[chosen], truth[chosen]
