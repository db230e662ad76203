"""The README's picture is what the code draws, the same each time."""

import re
import sys
from pathlib import Path

import pytest
from draw_architecture import draw_architecture, main
from paths import ROOT
from PIL import Image

from logoformer_hf.configuration_logoformer import EXPRESSIONS


def texts(path: Path) -> list[str]:
    """What an SVG of matplotlib says: it writes letters as shapes and each text as a comment before them."""
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_picture_in_docs_is_what_the_code_draws(tmp_path):
    path = tmp_path / "architecture.svg"
    draw_architecture(path)
    drawn, kept = texts(path), texts(ROOT / "docs" / "architecture.svg")
    assert drawn == kept, "run python docs/draw_architecture.py docs/architecture.svg"
    assert {"local attention", "global attention", "feed-forward", "compact loss", *EXPRESSIONS} <= set(drawn)


@pytest.mark.parametrize("name", ["picture.svg", "picture.png"])
def test_same_bytes_each_time(tmp_path, name):
    first, second = tmp_path / f"first_{name}", tmp_path / f"second_{name}"
    draw_architecture(first)
    draw_architecture(second)
    assert first.read_bytes() == second.read_bytes()
    assert b"dc:date" not in first.read_bytes()


def test_background_is_solid_and_nothing_touches_the_frame(tmp_path):
    draw_architecture(tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (1800, 840)
        assert picture.getpixel((0, 0))[3] == 0  # outside the rounded corner
        inner = picture.crop((20, 20, 1780, 820))
        assert inner.getextrema()[3] == (255, 255)
        margins = [picture.crop(edge) for edge in ((20, 30, 40, 810), (1760, 30, 1780, 810), (30, 812, 1770, 830))]
        assert all(len(margin.getcolors()) == 1 for margin in margins)


def test_command_draws_and_other_endings_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "picture.svg"
    monkeypatch.setattr(sys, "argv", ["architecture", str(path)])
    main()
    assert "local attention" in texts(path)
    with pytest.raises(ValueError, match=r"picture\.jpg: .* \.svg or \.png"):
        draw_architecture(tmp_path / "picture.jpg")
