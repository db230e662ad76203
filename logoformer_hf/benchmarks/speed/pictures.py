"""Pictures of a benchmark: time over tokens, and time by stage."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...evaluation.palette import BLUE, EMPTY, GREEN, INK, MUTED, ORANGE, VIOLET
from ...evaluation.plots import save_figure
from .results import by_tokens, exponent

TITLES = {"local-global": "local and global attention", "joint": "joint attention"}
# Stages of one part of the model have the same colour in two strengths.
STAGE_COLORS = (ORANGE, ORANGE, MUTED, BLUE, BLUE, GREEN, GREEN, VIOLET, MUTED)


def plot_tokens(part: Mapping[str, Any], path: Path) -> None:
    """Draws the time of a clip over its tokens, both on logarithmic axes, with the exponents of growth."""
    figure = Figure(figsize=(6.5, 4), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for (kind, title), color, marker in zip(TITLES.items(), (BLUE, ORANGE), "os", strict=True):
        times = by_tokens(part, kind)
        grown = exponent(list(times), list(times.values()))
        axes.plot(list(times), list(times.values()), f"{marker}-", color=color, label=f"{title}: tokens^{grown:.2f}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(times), [f"{number:,}" for number in times])
    axes.minorticks_off()
    axes.set_xlabel("tokens of a clip", color=INK)
    axes.set_ylabel("transformer, ms", color=INK)
    axes.legend(frameon=False)
    tidy(axes, "Cost against tokens")
    save_figure(figure, path)


def plot_stages(part: Mapping[str, Any], path: Path) -> None:
    """Draws the share of every stage in the time of a forward pass, one bar a model."""
    figure = Figure(figsize=(8, 1.6 + 0.6 * len(part)), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for row, found in enumerate(part.values()):
        sec = {stage: median(each) for stage, each in found["stages_sec"].items()}
        start, total = 0.0, sum(sec.values())
        for number, (stage, color) in enumerate(zip(sec, STAGE_COLORS, strict=True)):
            width = 100 * sec[stage] / total
            is_second = number and STAGE_COLORS[number - 1] == color
            axes.barh(
                row,
                width,
                left=start,
                height=0.6,
                color=color,
                alpha=0.55 if is_second else 1,
                edgecolor="white",
                label=stage if row == 0 else None,
            )
            if width >= 4:
                axes.text(start + width / 2, row, f"{width:.0f}", ha="center", va="center", color="white", fontsize=9)
            start += width
    axes.set_yticks(range(len(part)), [f"{name}, batch {found['batch_size']}" for name, found in part.items()])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the time, %", color=INK)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    tidy(axes, "Time by stage")
    save_figure(figure, path)


def tidy(axes: Axes, title: str) -> None:
    """The look that all pictures have."""
    axes.set_title(title, fontsize=11, color=INK, pad=10)
    axes.grid(color=EMPTY)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9)


PICTURES = {"tokens": ("speed_tokens.png", plot_tokens), "stages": ("speed_stages.png", plot_stages)}


def draw(parts: Mapping[str, Any], folder: Path) -> list[str]:
    """Draws what was measured into a folder; returns the names of the files."""
    drawn = []
    for part, (name, plot) in PICTURES.items():
        if part in parts:
            plot(parts[part], folder / name)
            drawn.append(name)
    return drawn
