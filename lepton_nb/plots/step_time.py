"""Where the time of a training step goes, as one bar."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from lepton_nb.plots import theme

_COLOURS = {
    "data": theme.ORANGE,
    "forward": theme.BLUE,
    "backward": theme.PALETTE[4],
    "optimizer": theme.PALETTE[2],
    "overhead": theme.PALETTE[7],
}
_LABELLED = 0.09  # share of the bar from which a part has room for its own label


def step_time(parts: Mapping[str, float], *, title: str) -> Figure:
    """A bar with one section for each part of a step.

    Args:
        parts: Seconds of ``data``, ``forward``, ``backward``, ``optimizer`` and ``overhead``.
        title: What is drawn above.
    """
    total = sum(parts.values()) or 1.0
    figure = theme.new_figure(6.4, 1.75)
    axes = figure.subplots()
    left = 0.0
    for name, seconds in parts.items():
        share = seconds / total
        axes.barh(
            0,
            share,
            left=left,
            color=_COLOURS[name],
            edgecolor=theme.CARD,
            height=0.62,
            label=_legend(name, share),
        )
        if share >= _LABELLED:
            axes.text(
                left + share / 2, 0, f"{share:.0%}", ha="center", va="center", fontsize=9.5, color=_ink(name)
            )
        left += share
    axes.set_xlim(0, 1)
    axes.set_yticks([])
    axes.set_xticks([])
    theme.style(axes, title=title, grid=False)
    theme.legend(axes, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=5, columnspacing=1.2)
    return theme.finish(figure)


def _legend(name: str, share: float) -> str:
    return f"{name} {share:.0%}" if share < _LABELLED else name


def _ink(name: str) -> str:
    """Dark on the one light colour, white on the others."""
    return theme.INK if name == "backward" else "white"
