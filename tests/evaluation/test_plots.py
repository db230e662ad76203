"""The pictures of a run: what they say, that they are written without pyplot, and what they refuse."""

import importlib
import re
import sys

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf.evaluation import palette, plots
from logoformer_hf.evaluation.plots import plot_confusion_matrix, plot_projections, plot_recalls, plot_training_curves
from logoformer_hf.evaluation.projection import Projection
from logoformer_hf.evaluation.significance import Estimate

TRAINING = [
    {"loss": 2.0, "cross_entropy": 1.9, "compact_loss": 0.5, "learning_rate": 0.01, "epoch": 0.5, "step": 1},
    {"eval_loss": 1.5, "eval_uar": 0.30, "eval_war": 0.40, "epoch": 1.0, "step": 2},
    {"loss": 1.0, "cross_entropy": 0.9, "compact_loss": 0.3, "learning_rate": 0.001, "epoch": 1.5, "step": 3},
    {"eval_loss": 1.2, "eval_uar": 0.452, "eval_war": 0.50, "epoch": 2.0, "step": 4},
    {"eval_loss": 1.3, "eval_uar": 0.40, "eval_war": 0.55, "epoch": 3.0, "step": 6},
    {"train_runtime": 12.0, "train_loss": 1.5, "epoch": 3.0, "step": 6},
]


def texts(path) -> list[str]:
    """What an SVG of matplotlib says: it writes letters as shapes and each text as a comment before them."""
    return re.findall(r"<!-- (.*?) -->", path.read_text(), flags=re.DOTALL)


def test_confusion_matrix_tells_numbers_names_and_empty_classes(tmp_path):
    path = tmp_path / "confusion_matrix.svg"
    plot_confusion_matrix([[3, 1, 0], [0, 2, 0], [0, 0, 0]], ["happy", "sad", "fear"], path, title="demo")
    drawn = texts(path)
    # recalls 3/4 and 2/2, 5 of 6 clips right
    assert {"demo", "UAR 87.50%   WAR 83.33%   6 clips", "75%", "(3)", "25%", "100%", "predicted"} <= set(drawn)
    assert {"happy (4)", "sad (2)", "fear (0)", "no clip of this class"} <= set(drawn)
    assert sum("%" in text for text in drawn) == 1 + 6  # the title and two rows of cells, none for fear


@pytest.mark.parametrize(
    ("matrix", "words"),
    [([[1, 2]], ["(1, 2)", "2"]), ([[0, 0], [0, 0]], [])],
)
def test_confusion_matrix_that_cannot_be_drawn(tmp_path, matrix, words):
    with raises_naming(ValueError, *words):
        plot_confusion_matrix(matrix, ["happy", "sad"], tmp_path / "never.png")


def test_training_curves_mark_the_best_epoch(tmp_path):
    path = tmp_path / "training_curves.svg"
    plot_training_curves(TRAINING, path)
    drawn = set(texts(path))
    assert {"loss", "training", "training: cross-entropy", "training: compact loss", "validation"} <= drawn
    assert {"validation UAR and WAR", "UAR", "WAR", "best: UAR 45.2%, epoch 2"} <= drawn
    assert {"learning rate", "epoch"} <= drawn


def test_training_curves_of_a_choice_on_the_test_clips_say_so(tmp_path):
    path = tmp_path / "training_curves.svg"
    plot_training_curves(TRAINING, path, "seed 42 (chosen on the test set)", evaluated="test")
    drawn = set(texts(path))
    assert {"seed 42 (chosen on the test set)", "test", "test UAR and WAR"} <= drawn
    assert not any("validation" in text for text in drawn)


def test_training_curves_draw_what_is_there(tmp_path):
    path = tmp_path / "only_losses.svg"
    plot_training_curves([{"loss": 2.0, "epoch": 1.0}, {"eval_loss": 1.5, "epoch": 1.0}], path)
    drawn = set(texts(path))
    assert {"loss", "training", "validation"} <= drawn
    assert not {"validation UAR and WAR", "learning rate", "training: compact loss"} & drawn


@pytest.mark.parametrize("history", [[], [{"train_runtime": 1.0, "epoch": 3.0}], [{"loss": 1.0}]])
def test_training_curves_without_anything_to_draw(tmp_path, history):
    with raises_naming(ValueError, "epoch", "loss", "learning_rate"):
        plot_training_curves(history, tmp_path / "never.png")


def test_recalls_are_drawn_with_their_clips(tmp_path):
    path = tmp_path / "recalls.svg"
    estimates = [Estimate(0.754, 0.7, 0.8), None, Estimate(1.0, 0.9, 1.0)]
    plot_recalls(estimates, [1200, 0, 29], ["happy", "sad", "disgust"], path, title="demo")
    drawn = set(texts(path))
    assert {"demo", "happy (1,200)", "75.4%", "sad (0)", "no clip of this class", "disgust (29)", "100.0%"} <= drawn


def test_projections_name_models_and_classes(tmp_path):
    path = tmp_path / "projection.svg"
    points = np.random.default_rng(0).normal(size=(30, 2))
    labels = np.repeat([0, 2], [25, 5])
    panels = [("A: no compact loss", Projection(points, labels, 0.1234)), ("B", Projection(-points, labels, None))]
    plot_projections(panels, ["happy", "sad", "fear"], path, title="demo")
    drawn = texts(path)
    assert {"demo", "A: no compact loss", "silhouette 0.123", "B"} <= set(drawn)
    assert [text for text in drawn if "(" in text] == ["happy (25)", "fear (5)"]  # no clip, no entry
    assert palette.CLASS_COLORS[0].lower() in path.read_text()


def test_long_titles_stay_inside_the_picture(tmp_path):
    title = "A data set with a long name, folds 1, 2, 3 of 5, seed 42 (chosen on the test set)"
    plot_confusion_matrix([[1, 0], [0, 1]], ["happy", "sad"], tmp_path / "matrix.svg", title)
    panel = (title, Projection(np.eye(2), np.array([0, 1]), None))
    plot_projections([panel], ["happy", "sad"], tmp_path / "projection.svg", title)
    for path in (tmp_path / "matrix.svg", tmp_path / "projection.svg"):
        assert max(len(text) for text in texts(path)) <= 52


def test_pictures_are_written_without_pyplot(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it raises from here on
    importlib.reload(plots)
    plot_confusion_matrix([[1, 0], [0, 1]], ["happy", "sad"], tmp_path / "confusion_matrix.png")
    plot_training_curves(TRAINING, tmp_path / "training_curves.png")
    for name in ("confusion_matrix.png", "training_curves.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 500
            assert len(picture.convert("RGB").getcolors(1 << 24)) > 20  # more than a blank sheet


@pytest.mark.filterwarnings("error")
def test_names_of_others_are_drawn_as_they_are_shown(tmp_path):
    """Formulas, underscores that hide a legend, line breaks and characters that turn a text round are only text."""
    names = ["$\\frac{1}{0}$", "_hidden", "a\nb", "\u202eevil", "\ud800", "x" * 10_000]
    shown = [r"$\frac{1}{0}$", "_hidden", "a b", "\ufffdevil", "\ufffd", "x" * 23 + "…"]
    title = "_a_set_ $x$ \u202e" + "y" * 10_000
    matrix = np.eye(6, dtype=int)
    plot_confusion_matrix(matrix, names, tmp_path / "matrix.svg", title)
    estimates = [Estimate(0.5, 0.4, 0.6)] * 6
    plot_recalls(estimates, [1] * 6, names, tmp_path / "recalls.svg", title)
    panel = (title, Projection(np.random.default_rng(0).random((6, 2)), np.arange(6), None))
    plot_projections([panel], names, tmp_path / "projection.svg", title)
    plot_training_curves(TRAINING, tmp_path / "curves.svg", title)
    for name in ("matrix", "recalls", "projection", "curves"):
        drawn = texts(tmp_path / f"{name}.svg")
        assert any("_a_set_ $x$ \ufffd" in text for text in drawn)
        assert max(map(len, drawn)) < 400
        if name != "curves":
            assert all(any(label in text for text in drawn) for label in shown), name
