"""
Crops of clips in few files: packs, Arrow files with many clips each, which are read without being copied into memory.

A clip's crops are JPEGs in one row, as in prepared shards: sixteen of 70 crops of 122 pixels were read in 1.6 ms, and
from a lossless video (FFV1) in 16 to 40 ms. A folder for each clip would be a million small files for a large data
set. Arrow rather than Parquet, because `datasets` copies Parquet files into its cache before it reads them.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

FEATURES = datasets.Features(
    {
        "key": datasets.Value("string"),
        "video": datasets.List(datasets.Image()),
        "num_frames": datasets.Value("int32"),
        "num_people": datasets.Value("int32"),
        "reason": datasets.Value("string"),
    }
)
_SUFFIX = ".arrow"
_PARTIAL = ".partial-"
# A pack is finished after so many clips, or after a twentieth of the clips in finished packs: a killed program loses
# little, and 40,000 clips are in about 120 files.
_MIN_CLIPS, _SHARE = 16, 0.05


@dataclass(frozen=True)
class PackedClip:
    """
    Where a clip's crops are, or why there are none.

    Attributes:
        pack: file of its row.
        row: number of its row in the pack.
        num_frames: number of its crops, 0 where there are none.
        num_people: how many people are in the clip.
        reason: why it has no crops, None where it has.
    """

    pack: Path
    row: int
    num_frames: int
    num_people: int
    reason: str | None


def find_packed(folder: Path, keys: Collection[str]) -> dict[str, PackedClip]:
    """
    The clips of a folder of packs that have one of `keys`; empty if the folder does not exist. No image is read.

    Raises:
        OSError: a file that is no pack, e.g. after a power cut; the message names it.
    """
    found: dict[str, PackedClip] = {}
    for file in sorted(folder.glob(f"[0-9]*{_SUFFIX}")):  # not unfinished packs, nor what `datasets` may write there
        try:
            with pa.memory_map(str(file)) as source:
                table = pa.ipc.open_stream(source).read_all().drop_columns("video")
                rows = table.to_pylist()
        except pa.ArrowInvalid as error:
            raise OSError(f"{file}: the file is damaged ({error}). Delete it: its clips are cropped again.") from error
        for number, row in enumerate(rows):
            key = row.pop("key")
            if key in keys and key not in found:
                found[key] = PackedClip(file, number, **row)
    return found


class PackWriter:
    """
    Writes rows of `FEATURES` as packs, each completely or not at all: a pack gets its name when it is finished.

    Made by `pack_writer`, by one process of a folder at a time.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.schema = FEATURES.arrow_schema
        self.num_clips = 0  # in finished packs of this writer
        self._writer: pa.RecordBatchStreamWriter | None = None
        self._partial = folder
        self._num_open = 0

    def add(self, row: dict[str, Any]) -> None:
        """Writes the row of one clip, in a batch of its own: reading it does not read others."""
        if self._writer is None:
            number = 1 + max((int(file.stem) for file in self.folder.glob(f"[0-9]*{_SUFFIX}")), default=0)
            self._partial = self.folder / f"{_PARTIAL}{number:06d}{_SUFFIX}"
            self._writer = pa.ipc.new_stream(str(self._partial), self.schema)
        self._writer.write_table(pa.Table.from_pylist([row], self.schema))
        self._num_open += 1
        if self._num_open >= max(_MIN_CLIPS, _SHARE * self.num_clips):
            self.finish()

    def finish(self) -> None:
        """Finishes the pack that is being written, if there is one."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        self._partial.rename(self.folder / self._partial.name.removeprefix(_PARTIAL))
        self.num_clips, self._num_open = self.num_clips + self._num_open, 0


@contextmanager
def pack_writer(folder: Path) -> Iterator[PackWriter]:
    """A writer of packs into a folder; what was added is kept if an error ends the block. Deletes unfinished packs."""
    for partial in folder.glob(f"{_PARTIAL}*"):
        partial.unlink()
    writer = PackWriter(folder)
    try:
        yield writer
    finally:
        writer.finish()


def open_packed(clips: Collection[PackedClip], columns: list[dict[str, Any]], features: datasets.Features) -> Any:
    """
    The crops of clips as a `Dataset`, in the order of `clips`. The images stay in the packs, and are read from there.

    Args:
        clips: clips with crops, none of them twice.
        columns: for each clip the values of its other columns.
        features: of the result: of `video`, `num_frames` and the other columns.
    """
    clips = list(clips)
    packs = list(dict.fromkeys(clip.pack for clip in clips))
    videos = [datasets.Dataset.from_file(os.fspath(pack)).select_columns(["video", "num_frames"]) for pack in packs]
    starts = dict(zip(packs, _starts([len(each) for each in videos]), strict=True))
    places = [starts[clip.pack] + clip.row for clip in clips]
    others = datasets.Features({name: features[name] for name in features if name not in ("video", "num_frames")})
    # One row for each row of the packs, also for clips that are not asked for: `datasets` joins columns without
    # copying images only if both sides have all rows in order.
    values: list[dict[str, Any]] = [dict.fromkeys(others) for _ in range(sum(map(len, videos)))]
    for place, row in zip(places, columns, strict=True):
        values[place] = row
    beside = datasets.Dataset.from_list(values, features=others)
    joined = datasets.concatenate_datasets([datasets.concatenate_datasets(videos), beside], axis=1)
    return joined.select_columns(list(features)).select(places, keep_in_memory=True)


def _starts(lengths: list[int]) -> list[int]:
    """The number of the first row of each part."""
    return [sum(lengths[:number]) for number in range(len(lengths))]
