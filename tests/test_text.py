"""Names of others as they are shown: one function, for pictures, files, cards, terminals and pages."""

import json
import shlex

import pytest
from errors import check_named
from example_timelines import two_people

from logoformer_hf._text import one_line, short_note, shown_name, shown_names
from logoformer_hf.hub.cards import quoted_name, rename_card, shell_name
from logoformer_hf.timeline.recognizer import ExpressionRecognizer
from logoformer_hf.timeline.window import UNSURE
from logoformer_hf.timeline.writers import FORMATS

LOST = "\N{REPLACEMENT CHARACTER}"
# Names that break lines, turn the text round, or cannot be stored.
ODD_NAMES = [
    "a\nb",
    "\u202eevil",
    "a\x85b",
    "\ud800",
    "$\\frac{1}{0}$",
    "_under",
    "x" * 10_000,
    "a\u0301" + "\u0301" * 50,
]


@pytest.mark.parametrize(
    "name", ["happy", "train_a.csv", "élan", "a_b__c", "50 % $x$", "\u0645\u06cc\u200c\u062e", "👩\u200d🔬", "고양이"]
)
def test_usual_names_stay_as_they_are(name):
    assert shown_name(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (" a \n b\r\n", "a b"),
        ("a\x85b\u2028c\xa0d", "a b c d"),
        ("a\u202eb", f"a{LOST}b"),
        ("a\x1b[31m\0", f"a{LOST}[31m{LOST}"),
        ("\ud800a\udcff", f"{LOST}a{LOST}"),
        ("a\u200e\u00ad\ufeffb", "ab"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 3),
        ("", LOST),
        ("\u200e", LOST),
        ("x" * 200, "x" * 99 + "…"),
        (3, "3"),
    ],
)
def test_what_cannot_be_shown_is_replaced(name, shown):
    assert shown_name(name) == shown
    shown.encode()


def test_names_stay_apart():
    assert shown_names(["a", "a\n", "a (2)", "a ", "b"]) == ["a", "a (2)", "a (2) (2)", "a (3)", "b"]
    shown = shown_names(["x" * 300, "x" * 301], 24)
    assert len(set(shown)) == 2 and max(map(len, shown)) <= 28


def test_a_path_keeps_all_that_can_be_stored():
    assert one_line("a  \u200eb\nc\ud800") == "a  \u200eb c?"


def test_a_note_names_the_file_alone():
    assert short_note("it is \u202e in /a/b.mp4.", "/a/b.mp4") == f"It is {LOST} in b.mp4."


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_name_can_stand_in_a_snippet(name):
    quoted = quoted_name(name)
    assert quoted.isprintable() and json.loads(quoted) == name
    assert shlex.split(shell_name(name)) and shell_name(name).encode()
    card = f"# x\n\n    model={quoted_name(name)}\n"
    assert 'model="owner/name"' in rename_card(card, "owner/name")


@pytest.fixture(scope="module")
def odd_recognizer(tmp_path_factory):
    """A model whose classes are called oddly, one like another and one like no class."""
    from toys import save_model

    from logoformer_hf import LogoFormerConfig

    folder = tmp_path_factory.mktemp("odd")
    save_model(folder, LogoFormerConfig.tiny(num_labels=len(ODD_NAMES) + 2))
    file = folder / "config.json"
    values = json.loads(file.read_text())
    values["id2label"] = {str(number): name for number, name in enumerate([*ODD_NAMES, "a b", UNSURE])}
    values["label2id"] = {name: int(number) for number, name in values["id2label"].items()}
    file.write_text(json.dumps(values))
    return ExpressionRecognizer(folder, detector="none", min_score=0)


def test_classes_of_a_model_are_shown_names_that_differ(odd_recognizer):
    names = odd_recognizer.label_names
    assert len(names) == len({*names, UNSURE}) - 1 == len(ODD_NAMES) + 2
    assert all(name == shown_name(name) for name in names if len(name) < 100)
    assert max(map(len, names)) < 110


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_of_a_timeline_takes_the_classes_of_any_model(kind, odd_recognizer, tmp_path, write_video):
    timeline = odd_recognizer.read(write_video(tmp_path / "a.mp4", 60))
    assert timeline.windows
    FORMATS[kind].write(timeline, tmp_path / f"out.{kind}")
    content = (tmp_path / f"out.{kind}").read_bytes()
    if kind != "parquet":
        text = content.decode()
        assert "\u202e" not in text and "\x85" not in text and "\\u" not in text
        assert kind not in ("csv", "json") or LOST in text


@pytest.mark.parametrize("kind", ["srt", "vtt", "eaf"])
def test_labels_of_a_timeline_are_shown_names_in_subtitles(kind, tmp_path):
    FORMATS[kind].write(two_people(names=("a\nb\u202e", "x" * 5000)), tmp_path / "out")
    text = (tmp_path / "out").read_text(encoding="utf-8")
    check_named(text, f"a b{LOST}")
    assert "\u202e" not in text and "x" * 200 not in text
