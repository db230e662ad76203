"""Scores of timelines whose scores are known, and the command."""

import sys

import numpy as np
import pytest
from errors import raises_naming
from processes import run_process

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.benchmarks.timeline import measure, report
from logoformer_hf.benchmarks.timeline_scores import TimelineScore, recalls, score_timeline
from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.synthetic.episodes import Episode
from logoformer_hf.data.synthetic.footage import FootageTruth
from logoformer_hf.timeline.recognizer import ExpressionRecognizer
from logoformer_hf.timeline.segments import Segment
from logoformer_hf.timeline.window import Window

NUM_FRAMES = 100  # ten seconds
NEUTRAL, HAPPY = EXPRESSIONS.index("neutral"), EXPRESSIONS.index("happy")


@pytest.fixture
def truth() -> FootageTruth:
    """Two people, of whom the second one is happy from 4 to 7 s."""
    labels = np.full((NUM_FRAMES, 2), NEUTRAL)
    labels[40:71, 1] = HAPPY
    boxes = np.tile((0.0, 20.0, 40.0, 50.0), (NUM_FRAMES, 2, 1))
    boxes[:, 1, 0] = 200
    return FootageTruth(
        times_sec=np.arange(NUM_FRAMES) / 10,
        tracks=np.tile((1, 2), (NUM_FRAMES, 1)),
        boxes_px=boxes,
        landmarks_px=np.zeros((NUM_FRAMES, 2, 5, 2)),
        seen=np.ones((NUM_FRAMES, 2)),
        labels=labels,
        is_cut=np.zeros(NUM_FRAMES, bool),
    )


EPISODES = [Episode(1, "happy", 4.0, 7.0)]


def window(track_id: int, center_sec: float, label: str, x_px: float) -> Window:
    scores = dict.fromkeys(EXPRESSIONS, 0.05) | {label: 0.7}
    return Window(track_id, center_sec - 1, center_sec + 1, label, scores, (x_px, 22, 40, 48), 1.0)


def windows_of(label_at) -> list[Window]:
    """A window each half second of the person on the right, as track 1, and of the one on the left, as track 2."""
    times = np.arange(1, 9.1, 0.5)
    windows = [window(1, time, label_at(time), 203) for time in times]
    return windows + [window(2, time, "neutral", 1) for time in times]


def segments_of(*parts: tuple[float, float, str]) -> list[Segment]:
    return [Segment(2, 0, 10, "neutral", 0.7), *(Segment(1, start, end, label, 0.7) for start, end, label in parts)]


def test_a_timeline_that_is_right(truth):
    windows = windows_of(lambda time: "happy" if 4 <= time <= 7 else "neutral")
    segments = segments_of((0, 4, "neutral"), (4, 7.1, "happy"), (7.1, 10, "neutral"))
    score = score_timeline(truth, EPISODES, windows, segments)
    assert recalls(score.confusion)[[NEUTRAL, HAPPY]].tolist() == [1, 1]
    assert np.isnan(recalls(score.confusion)).sum() == 5
    assert score.confusion.sum() == score.window_confusion.sum() == 2 * NUM_FRAMES
    assert (score.episodes, score.missed, score.extra) == (1, 0, 0)
    assert score.onset_errors_sec == [0]
    assert score.offset_errors_sec == pytest.approx([0.1])


def test_late_onset_and_early_offset(truth):
    segments = segments_of((0, 4.5, "neutral"), (4.5, 6.2, "happy"), (6.2, 10, "neutral"))
    score = score_timeline(truth, EPISODES, windows_of(lambda time: "neutral"), segments)
    assert score.onset_errors_sec == pytest.approx([0.5])
    assert score.offset_errors_sec == pytest.approx([-0.8])
    assert recalls(score.confusion)[HAPPY] == pytest.approx(17 / 31)
    assert recalls(score.window_confusion)[HAPPY] == 0
    assert score.held.tolist() == [9, 9]  # 5.1 to 5.9 s
    assert score.changing.tolist() == [8, 22]


def test_wrong_labels_are_missed_and_extra(truth):
    segments = segments_of((0, 4, "neutral"), (4, 7.1, "sad"), (7.1, 10, "unsure"))
    score = score_timeline(truth, EPISODES, windows_of(lambda time: "neutral"), segments)
    assert (score.missed, score.extra, score.onset_errors_sec) == (1, 1, [])
    assert score.confusion[HAPPY, EXPRESSIONS.index("sad")] == 31
    assert score.confusion[NEUTRAL, -1] == 29


def test_an_episode_in_two_parts_counts_once(truth):
    segments = segments_of((4, 5.2, "happy"), (5.2, 5.6, "neutral"), (5.6, 7, "happy"))
    score = score_timeline(truth, EPISODES, windows_of(lambda time: "neutral"), segments)
    assert (score.episodes, score.missed, score.extra) == (1, 0, 1)


def test_without_windows_nothing_is_found(truth):
    score = score_timeline(truth, EPISODES, [], [])
    assert (score.missed, score.extra) == (1, 0)
    assert (score.confusion[:, -1] == score.confusion.sum(axis=1)).all()
    assert "1 were missed" in report(score)


def test_sums_and_the_report(truth):
    total = TimelineScore()
    for end_sec in (6.5, 7.5):
        segments = segments_of((0, 4.2, "neutral"), (4.2, end_sec, "happy"), (end_sec, 10, "neutral"))
        total += score_timeline(truth, EPISODES, windows_of(lambda time: "happy"), segments)
    text = report(total)
    assert "| onset | 0.20 s | 0.20 s | +0.20 s |" in text
    assert "| offset | 0.50 s | 0.50 s | +0.00 s |" in text
    assert "Of 2 episodes, 2 were found" in text


def test_a_model_of_other_classes_is_refused(tmp_path, tiny_folder):
    recognizer = ExpressionRecognizer(tiny_folder, detector="none")
    recognizer.label_names = ("yes", "no")
    with raises_naming(ValueError, "yes", "surprise"):
        measure(recognizer, [0], 2.0, tmp_path)


def test_the_command(tmp_path, detector_file):
    config = LogoFormerConfig.tiny()
    LogoFormerForVideoClassification(config).save_pretrained(tmp_path / "model")
    LogoFormerVideoProcessor.from_config(config).save_pretrained(tmp_path / "model")
    page = tmp_path / "page.md"
    page.write_text("<!-- timeline -->\n<!-- end of timeline -->\n")
    command = [sys.executable, "-m", "logoformer_hf.benchmarks.timeline", "--model", str(tmp_path / "model")]
    command += ["--detector", str(detector_file), "--videos", "1", "--seconds", "6", "--page", str(page)]
    printed = run_process([*command, "--folder", str(tmp_path / "videos")]).stdout
    assert printed.strip() in page.read_text()
    assert "150 frames of faces" in printed
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["0_6s.mp4"]
