"""Pictures of training runs: confusion matrix, curves, recalls, embeddings. Written to files without a display."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from .._files import whole_file
from .._text import shown_name, shown_names
from .palette import BLUE, CLASS_COLORS, CLASS_MARKERS, EMPTY, GREEN, INK, MUTED, ORANGE, VIOLET
from .projection import Projection
from .significance import Estimate
from .uar import uar_and_war, wrong_and_right

_MAX_LABEL = 24  # characters of a name of a class
_AS_WRITTEN: Any = {"text.parse_math": False}  # a name of a class with dollars is no formula
_BLUES = LinearSegmentedColormap.from_list("pale_to_blue", ["#f4f7fb", "#9dbbdb", "#2d5a8c"])


def legend_text(text: str) -> str:
    """A text for a legend: matplotlib leaves out those that begin with an underscore."""
    return f" {text}" if text.startswith("_") else text


def in_lines(title: str, width: int) -> str:
    """A title in at most three lines of so many characters; of a longer one the middle is left out, not the end."""
    shown, most = shown_name(title, None), 3 * width - 10
    return textwrap.fill(shown if len(shown) <= most else f"{shown[: most - 50]}…{shown[-49:]}", width)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Writes a picture; the ending of its name sets the format (.png, .svg, .pdf). No partial file is left."""
    with whole_file(path) as partial:
        figure.savefig(partial)


@matplotlib.rc_context(_AS_WRITTEN)
def plot_confusion_matrix(
    confusion_matrix: np.ndarray | Sequence[Sequence[int]],
    label_names: Sequence[str],
    path: str | Path,
    title: str | None = None,
) -> None:
    """Draws a confusion matrix: colour and percentage of the true class, below it the number of clips in brackets.

    Args:
        confusion_matrix: numbers of clips, shape (classes, classes), rows are true classes, columns predicted ones.
        label_names: names of the classes in the order of the rows.
        path: picture to write; the ending names the format (.png, .svg, .pdf).
        title: first line of the title, above UAR (mean of the recalls of the classes with clips) and WAR (accuracy).

    Raises:
        ValueError: the shape of the matrix does not match the names, or the matrix counts no clips.
    """
    counts = np.asarray(confusion_matrix)
    label_names = shown_names(label_names, _MAX_LABEL)
    num_classes = len(label_names)
    if counts.shape != (num_classes, num_classes):
        raise ValueError(
            f"the confusion matrix has shape {counts.shape}; with the {num_classes} label names "
            f"{label_names} it must be ({num_classes}, {num_classes})"
        )
    if counts.sum() == 0:
        raise ValueError("the confusion matrix counts no clips; it must count at least one")

    clips = counts.sum(axis=1)
    shares = counts / np.maximum(clips, 1)[:, None]
    uar, war = uar_and_war(wrong_and_right(counts))

    side = max(4.5, 1.6 + 0.78 * num_classes)
    figure = Figure(figsize=(side, side), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=1)
    for row, column in np.ndindex(num_classes, num_classes):
        if clips[row]:
            share = shares[row, column]
            axes.text(
                column,
                row,
                f"{share:.0%}\n({counts[row, column]})",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if share > 0.75 else INK if counts[row, column] else MUTED,
            )
    axes.set_xticks(range(num_classes), label_names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(num_classes), [f"{name} ({n})" for name, n in zip(label_names, clips, strict=True)])
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true (clips)", color=INK)
    axes.tick_params(length=0, colors=INK)
    for line in np.arange(num_classes - 1) + 0.5:  # between the cells
        axes.axvline(line, color="white", linewidth=2)
        axes.axhline(line, color="white", linewidth=2)
    for row in np.flatnonzero(clips == 0).tolist():
        axes.axhspan(row - 0.48, row + 0.48, color=EMPTY, zorder=3)  # over the lines
        middle = (num_classes - 1) / 2
        axes.text(middle, row, "no clip of this class", ha="center", va="center", color=MUTED, fontsize=9, zorder=4)
    axes.spines[:].set_visible(False)
    numbers = f"UAR {uar:.2%}   WAR {war:.2%}   {counts.sum()} clips"
    axes.set_title(f"{in_lines(title, 48)}\n{numbers}" if title else numbers, fontsize=11, color=INK, pad=12)
    save_figure(figure, path)


# Panel -> key in the log history -> (name in the legend, colour, line)
_PANELS = {
    "loss": {
        "loss": ("training", BLUE, "-"),
        "cross_entropy": ("training: cross-entropy", GREEN, "--"),
        "compact_loss": ("training: compact loss", VIOLET, "--"),
        "eval_loss": ("{evaluated}", ORANGE, "o-"),
    },
    "{evaluated} UAR and WAR": {"eval_uar": ("UAR", BLUE, "o-"), "eval_war": ("WAR", ORANGE, "--")},
    "learning rate": {"learning_rate": ("learning rate", INK, "-")},
}


@matplotlib.rc_context(_AS_WRITTEN)
def plot_training_curves(
    log_history: Sequence[Mapping[str, float]],
    path: str | Path,
    title: str | None = None,
    evaluated: str = "validation",
) -> None:
    """Draws losses, UAR and WAR of the evaluated clips with the best epoch marked, and the learning rate.

    Args:
        log_history: `trainer.state.log_history`. Of the entries with an `epoch` these values are drawn where they
            exist: `loss`, `cross_entropy`, `compact_loss`, `eval_loss`; `eval_uar`, `eval_war` (0 to 1);
            `learning_rate`. A panel without a value is left out.
        path: picture to write; the ending names the format (.png, .svg, .pdf).
        title: above the picture.
        evaluated: which clips `eval_` is about: "validation", or "test" where the epoch is chosen on them.

    Raises:
        ValueError: no entry has an epoch and one of these values.
    """
    keys = [key for lines in _PANELS.values() for key in lines]
    curves = {
        key: [(entry["epoch"], entry[key]) for entry in log_history if key in entry and "epoch" in entry]
        for key in keys
    }
    panels = [panel for panel, lines in _PANELS.items() if any(curves[key] for key in lines)]
    if not panels:
        raise ValueError(
            f"no entry of `log_history` has `epoch` and one of {', '.join(keys)}; at least one must have both"
        )

    figure = Figure(figsize=(7.5, 2.6 * len(panels)), dpi=150, layout="constrained", facecolor="white")
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for axes, panel in zip(all_axes, panels, strict=True):
        for key, (name, color, line) in _PANELS[panel].items():
            if curves[key]:
                style = "o" if len(curves[key]) == 1 else line  # a line through a single point is invisible
                label = name.format(evaluated=evaluated)
                axes.plot(
                    *zip(*curves[key], strict=True), style, label=label, color=color, linewidth=1.6, markersize=4
                )
        if "eval_uar" in _PANELS[panel]:
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
            if curves["eval_uar"]:
                _mark_best(axes, curves["eval_uar"])
        axes.set_ylabel(panel.format(evaluated=evaluated), color=INK)
        axes.set_ylim(bottom=0)
        if len(axes.lines) > 1:
            axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
        axes.grid(axis="y", color=EMPTY)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
        axes.tick_params(colors=INK, labelsize=9)
    all_axes[-1].set_xlabel("epoch", color=INK)
    all_axes[-1].set_xlim(left=0)
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    if title:
        all_axes[0].set_title(in_lines(title, 80), fontsize=11, color=INK)
    figure.align_ylabels()
    save_figure(figure, path)


def _mark_best(axes: Axes, uar: Sequence[tuple[float, float]]) -> None:
    """Marks the epoch with the highest UAR, the earliest of several."""
    epoch, best = max(uar, key=lambda point: point[1])
    axes.axvline(epoch, color=BLUE, linewidth=1, linestyle=":", label=f"best: UAR {best:.1%}, epoch {epoch:g}")
    axes.plot(epoch, best, "o", markersize=10, markerfacecolor="none", markeredgecolor=BLUE)


@matplotlib.rc_context(_AS_WRITTEN)
def plot_recalls(
    estimates: Sequence[Estimate | None],
    clips: Sequence[int],
    label_names: Sequence[str],
    path: str | Path,
    title: str,
) -> None:
    """Draws the recall of every class as a bar with its confidence interval.

    Args:
        estimates: recalls with their intervals, in the order of the classes; None for a class without a clip.
        clips: number of clips of each class.
        label_names: names of the classes in the order of their numbers.
        path: picture to write; the ending names the format (.png, .svg, .pdf).
        title: above the picture.
    """
    label_names = shown_names(label_names, _MAX_LABEL)
    num_classes = len(label_names)
    figure = Figure(figsize=(7.5, 1.4 + 0.42 * num_classes), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for row, estimate in enumerate(estimates):
        if estimate is None:
            axes.text(0.01, row, "no clip of this class", va="center", color=MUTED, fontsize=9)
            continue
        around = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
        axes.barh(row, estimate.value, height=0.62, color=BLUE, alpha=0.75)
        axes.errorbar(estimate.value, row, xerr=around, color=INK, capsize=3, linewidth=1.2)
        axes.text(estimate.high + 0.015, row, f"{estimate.value:.1%}", va="center", color=INK, fontsize=9)
    axes.set_yticks(range(num_classes), [f"{name} ({n:,})" for name, n in zip(label_names, clips, strict=True)])
    axes.set_ylim(num_classes - 0.5, -0.5)  # the first class on top
    axes.set_xlim(0, 1.1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.set_xlabel("recall, with 95 % confidence interval", color=INK)
    axes.set_title(in_lines(title, 52), fontsize=11, color=INK, pad=10)
    axes.grid(axis="x", color=EMPTY)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9)
    axes.tick_params(axis="y", length=0)
    save_figure(figure, path)


@matplotlib.rc_context(_AS_WRITTEN)
def plot_projections(
    panels: Sequence[tuple[str, Projection]], label_names: Sequence[str], path: str | Path, title: str
) -> None:
    """Draws embeddings in two dimensions, one panel per model, one colour and marker per class.

    Args:
        panels: title and projection of each panel; all of the same clips.
        label_names: names of the classes in the order of their numbers.
        path: picture to write; the ending names the format (.png, .svg, .pdf).
        title: above the picture.
    """
    label_names = [legend_text(name) for name in shown_names(label_names, _MAX_LABEL)]
    figure = Figure(figsize=(5.4 * len(panels), 6.2), dpi=150, layout="constrained", facecolor="white")
    all_axes = figure.subplots(ncols=len(panels), squeeze=False)[0]
    clips = np.bincount(panels[0][1].labels, minlength=len(label_names))
    for axes, (name, projection) in zip(all_axes, panels, strict=True):
        for number in np.argsort(-clips, kind="stable"):  # the rarest on top
            axes.scatter(
                *projection.points[projection.labels == number].T,
                s=20,
                color=CLASS_COLORS[number % len(CLASS_COLORS)],
                marker=CLASS_MARKERS[number % len(CLASS_MARKERS)],
                edgecolor="white",
                linewidth=0.15,
                label=f"{label_names[number]} ({clips[number]:,})",
            )
        silhouette = projection.silhouette
        axes.set_title(
            in_lines(name, 52) + ("" if silhouette is None else f"\nsilhouette {silhouette:.3f}"),
            fontsize=10,
            color=INK,
        )
        axes.set_xticks([])  # t-SNE's axes have no meaning
        axes.set_yticks([])
        axes.spines[:].set_color(MUTED)
    handles = dict(zip(*all_axes[0].get_legend_handles_labels()[::-1], strict=True))
    names = [f"{name} ({n:,})" for name, n in zip(label_names, clips, strict=True) if n]
    figure.legend(
        [handles[name] for name in names],
        names,
        loc="outside lower center",
        ncols=4 if len(panels) == 1 else 7,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        markerscale=1.8,
        handletextpad=0.2,
        columnspacing=1.2,
    )
    figure.suptitle(in_lines(title, 52 * len(panels)), fontsize=11, color=INK)
    save_figure(figure, path)
