"""Scores of tracking on sequences whose scores are known, and the command."""

import sys

import numpy as np
import pytest
from errors import raises_naming
from processes import run_process

from logoformer_hf.benchmarks.pages import write_section
from logoformer_hf.benchmarks.tracking import table
from logoformer_hf.benchmarks.tracking_scores import TrackingScore, score_tracks
from logoformer_hf.data.synthetic.footage import FootageTruth

NUM_FRAMES = 10


def make_truth(people: int, seen: float = 1.0) -> FootageTruth:
    """People who stand 100 pixels apart, with boxes of 40 x 50 pixels."""
    shape = (NUM_FRAMES, people)
    boxes = np.tile((0.0, 20.0, 40.0, 50.0), (*shape, 1))
    boxes[..., 0] = 100 * np.arange(people)
    return FootageTruth(
        times_sec=np.arange(NUM_FRAMES) / 10,
        tracks=np.zeros(shape, int) + np.arange(1, people + 1),
        boxes_px=boxes,
        landmarks_px=np.zeros((*shape, 5, 2)),
        seen=np.full(shape, seen),
        labels=np.zeros(shape, int),
        is_cut=np.zeros(NUM_FRAMES, bool),
    )


def boxes_of(truth: FootageTruth, frame: int) -> list[tuple[int, np.ndarray]]:
    return [(7 + person, box.copy()) for person, box in enumerate(truth.boxes_px[frame])]


def test_perfect_tracks():
    truth = make_truth(3)
    score = score_tracks(truth, {frame: boxes_of(truth, frame) for frame in range(NUM_FRAMES)})
    assert (score.sequences, score.tracks, score.switches, score.missed, score.extra) == (1, 3, 0, 0, 0)
    assert score.idf1 == 1
    assert max(score.middle_errors) == max(score.side_errors) == 0


def test_two_numbers_that_are_exchanged():
    truth = make_truth(2)
    found = {frame: boxes_of(truth, frame) for frame in range(NUM_FRAMES)}
    for frame in range(6, NUM_FRAMES):
        (one, first), (two, second) = found[frame]
        found[frame] = [(two, first), (one, second)]
    score = score_tracks(truth, found)
    assert (score.switches, score.missed, score.extra) == (2, 0, 0)
    assert score.idf1 == pytest.approx(0.6)  # six of ten frames with the right number


def test_a_track_in_two_parts_with_a_gap():
    truth = make_truth(1)
    found = {frame: boxes_of(truth, frame) for frame in range(NUM_FRAMES)}
    found |= {frame: [] for frame in (3, 4)} | {frame: [(9, found[frame][0][1])] for frame in range(5, NUM_FRAMES)}
    score = score_tracks(truth, found)
    assert (score.switches, score.missed, score.extra) == (1, 2, 0)
    assert score.idf1 == pytest.approx(2 * 5 / (10 + 8))


def test_boxes_where_nobody_is_are_extra_and_boxes_on_hidden_faces_are_nothing():
    truth = make_truth(1)
    stray = (5, np.array([300.0, 100, 40, 50]))
    score = score_tracks(truth, {frame: [*boxes_of(truth, frame), stray] for frame in range(NUM_FRAMES)})
    assert (score.extra, score.missed, score.found_boxes) == (NUM_FRAMES, 0, 2 * NUM_FRAMES)
    assert score.idf1 == pytest.approx(2 / 3)
    hidden = make_truth(1, seen=0.2)
    score = score_tracks(hidden, {frame: boxes_of(hidden, frame) for frame in range(NUM_FRAMES)})
    assert (score.extra, score.missed, score.true_boxes, score.found_boxes, score.tracks) == (0, 0, 0, 0, 0)


def test_a_hidden_face_does_not_take_the_box_of_the_one_before_it():
    truth = make_truth(2)
    truth.boxes_px[:, 1, 0] = 5  # nearly the same place
    truth.seen[4:6, 1] = 0.0
    found = {frame: boxes_of(truth, frame) for frame in range(NUM_FRAMES)}
    for frame in (4, 5):  # the boxes are as near to the other face as to their own
        found[frame][0][1][0], found[frame][1][1][0] = 4, 1
    score = score_tracks(truth, found)
    assert (score.switches, score.missed, score.extra) == (0, 0, 0)


def test_errors_of_boxes_are_shares_of_the_side():
    truth = make_truth(1)
    side = np.sqrt(40 * 50)
    found = {0: [(1, np.array([3.0, 24, 40, 50]))], 1: [(1, np.array([-1.0, 20, 42, 50]))]}
    score = score_tracks(truth, found)
    assert score.middle_errors == pytest.approx([5 / side, 0])
    assert score.side_errors == pytest.approx([0, 2 / side])


def test_sums_and_the_table():
    truth = make_truth(1)
    scores = TrackingScore()
    for _ in range(3):
        scores += score_tracks(truth, {frame: boxes_of(truth, frame) for frame in range(NUM_FRAMES)})
    assert (scores.sequences, scores.true_boxes, len(scores.side_errors)) == (3, 30, 30)
    lines = table({"crossing": scores, "cut": TrackingScore()}).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "| 3 | 3 | 0 | 1.0000 | 0.0% |" in lines[2]
    assert lines[4].startswith("| **all** | 3 |")


def test_a_section_of_a_page_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- one -->\nold\n<!-- end of one -->\n\nrest\n")
    write_section(page, "one", "new\n")
    assert page.read_text() == "# Title\n\n<!-- one -->\n\nnew\n\n<!-- end of one -->\n\nrest\n"
    with raises_naming(ValueError, "page.md", "<!-- two -->"):
        write_section(page, "two", "new")
    page.write_text("<!-- one -->\nold\n")
    with raises_naming(ValueError, "page.md", "<!-- end of one -->"):
        write_section(page, "one", "new")


def test_the_command(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- tracking with known faces -->\n<!-- end of tracking with known faces -->\n")
    command = [sys.executable, "-m", "logoformer_hf.benchmarks.tracking", "--sequences", "1", "--page", str(page)]
    printed = run_process(command).stdout
    rows = [line for line in printed.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 9
    assert printed.strip() in page.read_text()
