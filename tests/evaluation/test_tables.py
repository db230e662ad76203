"""Tables and numbers as they are printed."""

import pytest

from logoformer_hf.evaluation.significance import Estimate
from logoformer_hf.evaluation.tables import interval, markdown_table, percent, plain_text, points


def test_columns_are_aligned():
    assert markdown_table(["", "UAR"], [["STT (2022)", "54.58"], ["x", "9.00"]]).splitlines() == [
        "|            |   UAR |",
        "| ---------- | ----: |",
        "| STT (2022) | 54.58 |",
        "| x          |  9.00 |",
    ]


def test_numbers():
    assert (percent(0.54214), percent(None), percent(1)) == ("54.21", "-", "100.00")
    assert (points(0.0312), points(-0.2), points(None)) == ("+3.12", "-20.00", "-")
    assert (interval(Estimate(0.5, 0.41236, 0.6)), interval(None)) == ("41.24 to 60.00", "-")


@pytest.mark.parametrize(
    "name", ["happy", "train_a.csv", "level -1", "a/b.mp4", "[8, 8, 16]", "R & D", "élan", "x (y)", "50 %"]
)
def test_usual_names_stay_as_they_are(name):
    assert plain_text(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", r"a\|b"),
        ("[a](http://x)", r"[a\](http&#58;//x)"),
        ("<b>", "&lt;b>"),
        ("&lt;", "&amp;lt;"),
        ("_a_ *b* `c` ~~d~~ $e$", r"\_a\_ \*b\* \`c\` \~\~d\~\~ \$e\$"),
        ("a\n# b\r\n", r"a \# b"),
        ("a\\|", r"a\\\|"),
        ("www.x.org me@x.org", "www&#46;x.org me&#64;x.org"),
        ("a\u202eb\x1b[31m\0", "a\ufffdb\ufffd[31m\ufffd"),
    ],
)
def test_markup_of_others_is_shown_as_text(name, shown):
    assert plain_text(name) == shown
