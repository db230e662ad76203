"""Pictures of an ablation: differences of all variants in UAR, and UAR of models over their cost."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...configuration_logoformer import EXPRESSIONS
from ...evaluation.palette import BLUE, EMPTY, GREEN, INK, MUTED, ORANGE
from ...evaluation.plots import save_figure
from ...evaluation.significance import Estimate

CHANCE = 100 / len(EXPRESSIONS)  # UAR, %


def plot_differences(rows: Sequence[tuple[str, np.ndarray, Estimate | None]], path: Path, title: str) -> None:
    """
    Draws one row per variant: the difference of its UAR to that of the variant that it is compared with, in points.
    Dots are seeds, the diamond is their mean, the line its interval.

    Args:
        rows: title, differences of all seeds (UAR from 0 to 1), and their mean with its interval.
        path: picture to write.
        title: title of the picture.
    """
    figure = Figure(figsize=(8, 1.3 + 0.36 * len(rows)), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for row, (_, gains, estimate) in enumerate(rows):
        color = MUTED
        if estimate is not None:
            color = ORANGE if estimate.high < 0 else GREEN if estimate.low > 0 else MUTED
            axes.plot([100 * estimate.low, 100 * estimate.high], [row, row], color=color, linewidth=2.2, alpha=0.7)
        axes.plot(100 * gains, np.full(len(gains), row), "o", color=color, markersize=3.5, alpha=0.6)
        axes.plot(100 * gains.mean(), row, "D", color=color, markeredgecolor="white", markersize=7)
    axes.set_yticks(range(len(rows)), [textwrap.fill(name, 36, break_on_hyphens=False) for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
    axes.set_xlabel("difference in UAR, points", color=INK)
    _tidy(axes, title)
    save_figure(figure, path)


def plot_costs(rows: Sequence[tuple[str, np.ndarray, float]], path: Path, title: str) -> None:
    """
    Draws the UAR of models over milliseconds per clip.

    Args:
        rows: title, UAR of every seed (0 to 1), and milliseconds per clip.
        path: picture to write.
        title: title of the picture.
    """
    figure = Figure(figsize=(7, 3.6), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for (name, values, clip_ms), color in zip(rows, (BLUE, ORANGE, GREEN), strict=False):
        axes.plot(np.full(len(values), clip_ms), 100 * values, "o", color=color, markersize=4, alpha=0.6)
        axes.plot(clip_ms, 100 * values.mean(), "D", color=color, markeredgecolor="white", markersize=9)
        axes.annotate(
            textwrap.fill(name, 34, break_on_hyphens=False),
            (clip_ms, 100 * values.mean()),
            (9, 3),
            textcoords="offset points",
            va="bottom",
            color=color,
            fontsize=9,
        )
    axes.axhline(CHANCE, color=MUTED, linestyle="--", linewidth=1)
    axes.text(0, CHANCE, " chance", va="top", color=MUTED, fontsize=9)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("milliseconds to read a clip, one core", color=INK)
    axes.set_ylabel("UAR, %", color=INK)
    axes.set_xlim(0, 1.6 * max(clip_ms for _, _, clip_ms in rows))  # room for the names
    _tidy(axes, title)
    axes.grid(axis="y", color=EMPTY)
    save_figure(figure, path)


def _tidy(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11, color=INK, pad=10)
    axes.grid(axis="x", color=EMPTY)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9)
