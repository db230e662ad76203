"""Draws the picture of the model in the README. `python docs/draw_architecture.py docs/architecture.svg`

One unit is one point, and one pixel where the picture is shown 900 pixels wide; y points upwards.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.evaluation.palette import BLUE, CARD, GREEN, INK, LINE, ORANGE, PAPER
from logoformer_hf.evaluation.palette import MUTED_ON_PAPER as MUTED

WIDTH, HEIGHT = 900, 420
# front, top and side of a block
BLUES, ORANGES = ("#a9c4e0", "#c9dbed", "#83a8cd"), ("#f0a44f", "#f7c48a", "#d9822b")
TIMES = "\N{MULTIPLICATION SIGN}"
MIDDLE = 318  # y of the line along which the parts are drawn


def draw_architecture(path: str | Path) -> None:
    """Draws the parts of the model in the order of the computation, from frames to losses.

    One version of matplotlib always writes the same bytes. Letters are drawn as shapes, so readers need no font.

    Args:
        path: picture to write, ending in .svg or .png (1800 pixels wide).

    Raises:
        ValueError: another suffix.
    """
    path = Path(path)
    if path.suffix not in (".svg", ".png"):
        raise ValueError(f"{path}: the suffix is {path.suffix!r}; it must be .svg or .png.")
    settings: dict[Any, Any] = {"font.family": "DejaVu Sans", "svg.fonttype": "path", "svg.hashsalt": "logoformer"}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=144)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
        axes.axis("off")
        _box(axes, 1, 1, WIDTH - 2, HEIGHT - 2, PAPER, LINE, radius=14)
        _clip(axes)
        _frame_encoder(axes)
        _token_grid(axes)
        _layers(axes)
        _head(axes)
        _losses(axes)
        metadata = {"Date": None, "Title": "LOGO-Former"} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata, transparent=True)


def _clip(axes: Axes) -> None:
    for step in range(5):  # from the first frame, at the back, to the last one, which smiles
        x, y = 50 - 7 * step, MIDDLE - 20 - 7 * step
        _box(axes, x, y, 62, 62, "#fdf3e3", "#c9b48f", radius=5)
        _face(axes, x + 31, y + 31, smile=step / 4)
    _caption(axes, 67, "clip", f"16 frames\n112 {TIMES} 112")
    _arrow(axes, 118, 138)


def _face(axes: Axes, x: float, y: float, smile: float) -> None:
    axes.add_patch(Circle((x, y), 23, facecolor="#f6d9a8", edgecolor="#b98d4f", linewidth=1))
    for side in (-1, 1):
        axes.add_patch(Circle((x + 8 * side, y + 6), 2.2, color=INK))
    axes.add_patch(Arc((x, y - 8), 20, 3 + 12 * smile, theta1=190, theta2=350, edgecolor=INK, linewidth=1.6))


def _frame_encoder(axes: Axes) -> None:
    for step, height in enumerate((96, 72, 50, 32)):
        _box(axes, 144 + 16 * step, MIDDLE - height / 2, 11, height, ("#7fb8a2", GREEN)[step == 3], "none", radius=3)
    _caption(axes, 174, "frame encoder", "ResNet-18,\nevery frame alone")
    _arrow(axes, 212, 232)


def _token_grid(axes: Axes) -> None:
    _block(axes, 240, MIDDLE - 43, cell=8.6)
    _caption(axes, 288, "tokens", f"16 {TIMES} 7 {TIMES} 7\n+ space and time")
    _arrow(axes, 344, 364)


def _layers(axes: Axes) -> None:
    _box(axes, 370, 206, 340, 196, CARD, LINE, radius=10)
    axes.text(697, 384, f"N {TIMES}", ha="right", va="center", fontsize=13, fontweight="bold", color=INK)

    _block(axes, 386, MIDDLE - 43, cell=8.2, window=True)
    _caption(axes, 432, "local attention", "inside space-time\nwindows", color="#b5641a")
    _arrow(axes, 481, 495)

    token = (551, MIDDLE - 46)
    dots = [(506 + 13 * k, MIDDLE + 44) for k in range(8)]
    for k, dot in enumerate(dots):
        weight = (0.35, 0.3, 0.5, 1, 0.75, 0.35, 0.55, 0.3)[k]
        axes.plot(*zip(token, dot, strict=True), color=BLUE, linewidth=0.6 + 1.6 * weight, alpha=weight, zorder=2)
        axes.add_patch(Circle(dot, 4.6, facecolor=ORANGE, edgecolor="white", linewidth=0.8, zorder=3))
    axes.add_patch(Rectangle((token[0] - 5, token[1] - 5), 10, 10, facecolor=BLUE, edgecolor="white", zorder=3))
    axes.text(551, MIDDLE + 60, "window summaries", ha="center", va="center", fontsize=9, color=MUTED)
    _caption(axes, 551, "global attention", "every token queries\none summary per window", color=BLUE)
    _arrow(axes, 609, 623)

    for left, right, x in ((24, 44, 636), (44, 24, 664)):
        corners = [(x, MIDDLE - left), (x, MIDDLE + left), (x + 24, MIDDLE + right), (x + 24, MIDDLE - right)]
        axes.add_patch(Polygon(corners, facecolor="#b9b3d6", edgecolor="#8b83b5", linewidth=1, joinstyle="round"))
    _caption(axes, 662, "feed-forward", "each token\nfor itself", color="#6f66a3")
    _arrow(axes, 716, 742)
    axes.text(729, MIDDLE + 12, "mean", ha="center", va="center", fontsize=9, color=MUTED)


def _head(axes: Axes) -> None:
    for k, shade in enumerate((0.9, 0.35, 0.6, 0.2, 0.75, 0.45, 1.0, 0.3)):
        axes.add_patch(
            Rectangle((749, MIDDLE - 44 + 11 * k), 11, 11, facecolor=BLUE, alpha=shade, edgecolor="white", linewidth=1)
        )
    _caption(axes, 754, "embedding", "512")
    _arrow(axes, 767, 783)
    for k, (name, logit) in enumerate(zip(EXPRESSIONS, (34, 6, 12, 5, 17, 3, 8), strict=True)):
        y = MIDDLE + 45 - 15 * k
        axes.text(836, y, name, ha="right", va="center", fontsize=9.5, color=INK)
        _box(axes, 841, y - 4.5, logit, 9, (BLUES[0], BLUE)[k == 0], "none", radius=1.5)
    _caption(axes, 834, "logits", "seven expressions")


def _losses(axes: Axes) -> None:
    _box(axes, 24, 20, 852, 150, CARD, LINE, radius=10)
    axes.text(40, 152, "training", va="center", fontsize=10.5, fontweight="bold", color=INK)
    for x in (754, 834):
        _arrow(axes, x, x, 206, 174)

    for k, probability in enumerate((44, 8, 15, 6, 20, 4, 10)):
        x = 150 + 18 * k
        _box(axes, x, 78, 12, probability, (BLUES[0], BLUE)[k == 0], "none", radius=1.5)
    _arrow(axes, 156, 156, 124, 148)
    _caption(axes, 210, "cross-entropy", "the true expression more likely", y=54)
    axes.text(392, 100, "+  λ ·", ha="center", va="center", fontsize=15, color=INK)

    # Three classes of nine clips, each on a spiral around its centre: first spread out, then compact and separated
    turns, radii = 2.4 * np.arange(9), np.sqrt(np.arange(9) + 0.5)
    for x, y, spread, apart in ((548, 116, 9.5, 14), (738, 116, 4.2, 30)):
        for color, angle in ((BLUE, 0.5), (ORANGE, 2.6), (GREEN, 4.7)):
            center = x + 1.7 * apart * np.cos(angle), y + apart * np.sin(angle)
            for turn, radius in zip(turns, radii, strict=True):
                offset = spread * radius * np.cos(turn + angle), spread * radius * np.sin(turn + angle)
                at = center[0] + offset[0], center[1] + offset[1]
                axes.add_patch(Circle(at, 3.4, facecolor=color, edgecolor="white", linewidth=0.7))
    _arrow(axes, 623, 655, 116, 116)
    _caption(axes, 642, "compact loss", "clips of a class together, classes apart", y=54)


def _block(axes: Axes, x: float, y: float, cell: float, window: bool = False) -> None:
    """A grid of tokens, 7 wide, 7 high, 16 frames deep; with `window`, one coloured window at the upper right."""
    right, up, back = np.array([cell, 0]), np.array([0, cell]), np.array([0.27, 0.2]) * cell
    front = np.array([x, y])
    faces = (  # lower left corner, two directions, cells along each, and range of the window along each
        (front, right, up, 7, 7, (3, 7), (3, 7)),
        (front + 7 * up, right, back, 7, 16, (3, 7), (0, 8)),
        (front + 7 * right, back, up, 16, 7, (0, 8), (3, 7)),
    )
    for shade, (corner, across, along, columns, rows, columns_in, rows_in) in enumerate(faces):
        areas = [((0, columns), (0, rows), BLUES[shade])]
        if window:
            areas.append((columns_in, rows_in, ORANGES[shade]))
        for (left, right_end), (low, high), color in areas:
            ends = [(left, low), (right_end, low), (right_end, high), (left, high)]
            axes.add_patch(Polygon([corner + i * across + j * along for i, j in ends], facecolor=color))
        lines = [(corner + i * across, corner + i * across + rows * along) for i in range(columns + 1)]
        lines += [(corner + j * along, corner + j * along + columns * across) for j in range(rows + 1)]
        axes.add_collection(LineCollection(lines, colors="white", linewidths=0.6, zorder=1.5))


def _box(axes: Axes, x: float, y: float, width: float, height: float, color: str, edge: str, radius: float) -> None:
    style = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=color, edgecolor=edge, linewidth=1))


def _arrow(axes: Axes, x_start: float, x_end: float, y_start: float = MIDDLE, y_end: float = MIDDLE) -> None:
    axes.add_patch(
        FancyArrowPatch(
            (x_start, y_start), (x_end, y_end), arrowstyle="-|>", mutation_scale=10, color=INK, shrinkA=0, shrinkB=0
        )
    )


def _caption(axes: Axes, x: float, name: str, what: str, color: str = INK, y: float = 252) -> None:
    axes.text(x, y, name, ha="center", fontsize=10.5, fontweight="bold", color=color)
    for number, line in enumerate(what.split("\n")):
        axes.text(x, y - 16 - 13 * number, line, ha="center", fontsize=9.5, color=MUTED)


def main() -> None:
    """Writes the picture to the path on the command line."""
    parser = argparse.ArgumentParser(description=(draw_architecture.__doc__ or "").splitlines()[0])
    parser.add_argument("path", help="picture to write, e.g. docs/architecture.svg")
    draw_architecture(parser.parse_args().path)


if __name__ == "__main__":
    main()
