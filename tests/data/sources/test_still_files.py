"""Images are checked before anything is trained, without decoding those that look whole."""

import pytest
from errors import raises_naming
from still_trees import still

from logoformer_hf.data.sources import still_files
from logoformer_hf.data.sources.inventory import count_frames
from logoformer_hf.data.sources.still_files import check_still
from logoformer_hf.data.sources.whole_files import UnusableClip

GOOD = {
    "small.jpg": still(10, (48, 48)),
    "large.jpg": still(10, (4000, 4000)),
    "grey.jpg": still(10, mode="L"),
    "alpha.png": still(10, mode="RGBA", kind="PNG"),
    "palette.png": still(10, mode="P", kind="PNG"),
    "deep.webp": still(10, kind="WEBP"),
    "more_behind.jpg": still(10) + b"\0" * 100,
}


@pytest.mark.parametrize("check", ["quick", "full"])
@pytest.mark.parametrize("name", GOOD)
def test_whole_images_count_as_one_frame(name, check, tmp_path):
    (tmp_path / name).write_bytes(GOOD[name])
    assert check_still(tmp_path / name, check) == count_frames(tmp_path / name, check) == 1


def test_whole_images_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(still_files, "decode_image", None)
    for name, content in GOOD.items():
        (tmp_path / name).write_bytes(content)
        assert check_still(tmp_path / name, "quick") == 1


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("cut.jpg", still(200, (400, 400), quality=95)[:-30], "decoded"),
        ("cut.png", still(200, (400, 400), kind="PNG")[:-30], "decoded"),
        ("text.jpg", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        ("text.png", b"no picture", "no image"),
        ("empty.jpg", b"", "empty"),
        ("huge.png", still(0, (8000, 5000), mode="1", kind="PNG"), "8000x5000"),
    ],
)
def test_what_cannot_be_used_is_named(name, content, word, tmp_path):
    (tmp_path / name).write_bytes(content)
    with raises_naming(UnusableClip, word):
        count_frames(tmp_path / name)


def test_a_missing_image(tmp_path):
    with raises_naming(UnusableClip, "no such file"):
        count_frames(tmp_path / "nowhere.jpg")
