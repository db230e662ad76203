"""A font with the letters of a text: never one that draws a box for each."""

from pathlib import Path

from logoformer_hf.timeline.fonts import families_for, font_for


def test_letters_that_no_font_has_leave_the_others_readable():
    for text in ("Anna \U00010450\U0001f3fb\U0001fae8", "Anna \U000e0100\ufdd0"):
        assert "LastResort" not in Path(font_for(text, 20).path).name
        assert not any("Last Resort" in name for name in families_for(text))
    assert font_for("Anna", 20).getname() == ("DejaVu Sans", "Book")


def test_a_font_that_draws_boxes_is_not_taken(monkeypatch):
    from logoformer_hf.timeline import fonts

    last = next(entry for entry in fonts.fontManager.ttflist if entry.name.startswith("Last Resort"))
    monkeypatch.setattr(fonts.fontManager, "ttflist", [last])
    assert font_for("Anna \u3042\u3044", 21).getname()[0] == "DejaVu Sans"
