"""The README's pictures of drawn faces: the same each time, small enough, and those that the code draws."""

import sys
from dataclasses import replace

import draw_faces as drawn_pictures
import pytest
from draw_faces import ANIMATIONS, Animation, Shown, draw_animation, draw_sheet, write_animation
from paths import DOCS
from PIL import Image


@pytest.fixture
def two():
    """A clip of 9 frames and one of 20."""
    return Animation((Shown(8, "sad", 0.0, 0.0), Shown(37, "neutral", 1.0, 0.0, says="talking", space=10)))


def test_the_command_writes_the_same_pictures_each_time(tmp_path, monkeypatch, capsys, two):
    monkeypatch.setattr(drawn_pictures, "ANIMATIONS", {"two.webp": two})
    monkeypatch.setattr(drawn_pictures, "SHEET_PEOPLE", {0.0: (1, 2)})
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(sys, "argv", ["drawn_pictures", str(tmp_path / name)])
        drawn_pictures.main()
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == ["faces.jpg", "two.webp"] and "two.webp" in capsys.readouterr().out
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_an_animation_loops_and_the_shorter_clip_waits(tmp_path, two):
    pictures = draw_animation(two, face=32)
    assert len(pictures) == 10 and pictures[0].size == (6 + 32 + 6 + 10 + 32 + 6, 6 + 32 + 6 + 26)
    left, right = (0, 0, 40, 40), (54, 0, 86, 40)
    assert pictures[-1].crop(left) == pictures[4].crop(left) != pictures[2].crop(left)
    assert pictures[-1].crop(right) != pictures[4].crop(right)
    assert len(draw_animation(replace(two, step=5), face=32)) == 4
    with Image.open(write_animation(tmp_path / "two.webp", two, face=32)) as shown:
        assert (shown.n_frames, shown.info["loop"]) == (10, 0)
        shown.seek(1)
        shown.load()
        assert shown.info["duration"] == 80


def test_the_sheet_is_as_large_as_its_faces(monkeypatch):
    monkeypatch.setattr(drawn_pictures, "SHEET_PEOPLE", {0.0: (1, 2)})
    assert draw_sheet(face=32).size == (104 + 7 * 38 + 6, 26 + 2 * 38 + 6)


def test_the_pictures_in_docs_are_these_and_small():
    with Image.open(DOCS / "faces.jpg") as sheet:
        assert sheet.size == (104 + 7 * 134 + 6, 26 + 6 * 134 + 6)
    for name, animation in ANIMATIONS.items():
        with Image.open(DOCS / name) as shown:
            longest = max(len(clip.plan().poses) for clip in animation.clips)
            assert shown.n_frames == len(range(0, longest, animation.step))
    for path in DOCS.glob("faces*"):
        assert path.stat().st_size < 400_000
    assert sorted(path.name for path in DOCS.glob("faces*")) == sorted(["faces.jpg", *ANIMATIONS])
