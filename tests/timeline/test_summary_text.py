"""A timeline on a terminal."""

from example_timelines import nobody, two_people

from logoformer_hf.timeline.summary_text import format_timeline


def test_segments_and_summary():
    assert format_timeline(two_people(), "a/interview.mp4", with_segments=True).split("\n") == [
        "a/interview.mp4: 2 people, 6.0 s",
        "  note: This model was trained on drawn faces; it does not read people.",
        "       0.00 -      2.50 s  person 1: happy 0.75",
        "       1.00 -      3.00 s  person 2: sad 0.75",
        "       2.50 -      5.00 s  person 1: unsure",
        "       5.00 -      6.00 s  no face",
        "  person  expression  seconds  share  episodes  mean score",
        "       1  happy           2.5    50%         1        0.75",
        "       1  unsure          2.5    50%         1            ",
        "       2  sad             2.0   100%         1        0.75",
    ]


def test_only_the_summary():
    lines = format_timeline(two_people(), "a.mp4", with_segments=False).split("\n")
    assert not any("no face" in line for line in lines) and sum("happy" in line for line in lines) == 1


def test_nobody():
    lines = format_timeline(nobody(), "a.mp4", with_segments=True).split("\n")
    assert lines[0] == "a.mp4: nobody, 4.0 s" and lines[-1].endswith("no face") and len(lines) == 3


def test_names_cannot_move_the_cursor():
    text = format_timeline(two_people(names=("\x1b[2Jbad", "b\nc")), "a\x1b\nb", with_segments=True)
    assert "\x1b" not in text and text.count("\n") == 9


def test_long_labels_do_not_widen_the_table():
    text = format_timeline(two_people(names=("a" * 200, "b")), "a.mp4", with_segments=False)
    table = text[text.index("person") :]
    assert "a" * 31 + "…" in table and max(map(len, table.split("\n"))) < 100
