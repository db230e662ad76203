"""What visitors are told of errors: our own words without a place of the machine, of all others the kind."""

import struct

import av
import pytest
from PIL import UnidentifiedImageError

from logoformer_hf._visitors import MAX_TOLD, told_to_visitors, without_place
from logoformer_hf.reading_limits_logoformer import VideoReadError, plain_reason

PATH, NAME = "/tmp/gradio/ab c/my clip.mp4", "my clip.mp4"


def test_our_own_words_are_told_with_the_name_of_the_video():
    error = VideoReadError(f"{PATH}: the video has no frames (Invalid data found when processing input).")
    expected = "my clip.mp4: the video has no frames (Invalid data found when processing input)."
    assert told_to_visitors(error, PATH, NAME) == expected


@pytest.mark.parametrize(
    "place",
    [
        "/home/me/model",
        "/home/my name/a model/file",
        "file:///home/me",
        "file:C:/x",
        "é/home/me",
        "«/srv/secret»",
        "中/home/me",
        "C:\\Users\\My Name\\clip.mp4",
        "\\\\server\\share",
        "~/x",
        "https://user:password@host/clip.mp4",
        repr("/home/it's"),
    ],
)
@pytest.mark.parametrize("kind", [VideoReadError, ValueError, OSError, RuntimeError, KeyError])
def test_no_place_of_the_machine_is_told(place, kind, caplog):
    told = told_to_visitors(kind(f"{PATH}: it is not in {place}, sorry"), PATH, NAME)
    assert told.startswith(f"{NAME}: it could not be read") and not set("/\\~") & set(told)
    assert "sorry" not in told and (kind is VideoReadError or kind.__name__ in told)
    logged = "https://…@host" if kind is VideoReadError and "password" in place else place.strip("'\"")
    assert logged in caplog.text or kind is KeyError  # for who runs the machine
    assert without_place(f"a note on {place}", PATH, NAME) is None


@pytest.mark.parametrize(
    "error", [ValueError("Expected 3, got <object>"), MemoryError(), IndexError(), TypeError("x")]
)
def test_of_others_the_kind_is_told(error):
    told = told_to_visitors(error, PATH, NAME)
    assert told.startswith(f"{NAME}: ") and "Expected" not in told and "<" not in told


def test_a_text_is_one_short_line():
    told = told_to_visitors(VideoReadError(f"a\n\u202eb {PATH} " + "x" * 10_000), PATH, NAME)
    assert told.startswith(f"a \ufffdb {NAME} x") and len(told) == MAX_TOLD
    assert without_place(f"{PATH}: a note.", PATH, NAME) == f"{NAME}: a note."
    assert without_place("a note.", "", NAME) == "a note."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device", "/x"), "No space left on device"),
        (
            OSError("image file is truncated (3 bytes)"),
            "image file is truncated (3 bytes)",
        ),
        (UnidentifiedImageError("cannot identify image file <_io.BytesIO object at 0x7f>"), "UnidentifiedImageError"),
        (struct.error("unpack requires a buffer of 4 bytes"), "error"),
        (SyntaxError("broken PNG file (chunk b'\\x00')"), "SyntaxError"),
        (VideoReadError("it is empty."), "it is empty."),
        (av.InvalidDataError(1, "Invalid data found", "/secret"), "Invalid data found"),
    ],
)
def test_reasons_are_what_systems_say_and_not_what_parsers_stumble_over(error, reason):
    assert plain_reason(error) == reason
