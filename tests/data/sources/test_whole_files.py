"""Videos that end in the middle: every length of a file that was cut off, apart from cuts between its parts."""

import pytest
from acted_trees import tiny_video

from logoformer_hf.data.sources.whole_files import ends_early


def part_ends(content: bytes, suffix: str) -> set[int]:
    """Lengths at which no part is cut: after a box of MP4, and before and after the length behind a tag of FLV."""
    ends, place = set(), 0 if suffix == ".mp4" else 9 + 4
    while place < len(content):
        if suffix == ".mp4":
            place += int.from_bytes(content[place : place + 4], "big")
            ends.add(place)
        else:
            ends |= {place, place + 11 + int.from_bytes(content[place + 1 : place + 4], "big")}
            place += 11 + int.from_bytes(content[place + 1 : place + 4], "big") + 4
    return ends | {place}


@pytest.mark.parametrize("suffix", [".flv", ".mp4"])
def test_every_cut_is_found(tmp_path, suffix):
    content, file = tiny_video(suffix), tmp_path / f"clip{suffix}"
    ends = {length for length in part_ends(content, suffix) if length <= len(content)}
    lengths = {length for end in ends for length in (end - 1, end, end + 1)} | set(range(13, len(content), 17))
    whole = {length for length in lengths if 13 <= length <= len(content) and not _is_cut(file, content[:length])}
    assert len(content) in whole and whole == ends


def _is_cut(file, content: bytes) -> bool:
    file.write_bytes(content)
    return ends_early(file)


def test_a_whole_flv_without_its_last_length(tmp_path):
    file = tmp_path / "clip.flv"
    assert not _is_cut(file, tiny_video(".flv")[:-4])


def test_other_formats_and_folders_are_not_judged(tmp_path):
    (tmp_path / "clip.mkv").write_bytes(b"half")
    assert not ends_early(tmp_path / "clip.mkv") and not ends_early(tmp_path)
