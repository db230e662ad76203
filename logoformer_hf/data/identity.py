"""
Identifies clips by their content, whatever they are called and wherever they lie: the sizes of all files and some of
their bytes, hashed. Nothing is decoded.

The same frames in another folder, under another name or behind a link have the same identifier. A video and the frames
that were extracted from it have different ones, and so have a clip and a copy that was encoded again or resized.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

import datasets
import pyarrow.compute as pc
from datasets.utils import tqdm

from ..image_reading_logoformer import VideoReadError, frame_entries, number_order

CONTENT_ID = "content_id"  # name of the column
DIGEST_BYTES = 16
_SAMPLE_BYTES = 65_536  # of a video: so much of its start, its middle and its end
_THREADS = 4  # they read and hash, which releases Python's global lock
_ROWS_AT_ONCE = 32
_ANY_DIGIT = str.maketrans("123456789", "0" * 9)
_DELAY_SEC = 2.0  # a progress bar appears after this time
_known: ContextVar[dict[str, str | None] | None] = ContextVar("known", default=None)


@contextmanager
def each_clip_once(known: dict[str, str | None] | None = None) -> Iterator[dict[str, str | None]]:
    """
    Inside the block a clip on the disk is read once for its identifier, e.g. for all folds of a data set.

    Args:
        known: identifiers by absolute paths, of another process on this machine.

    Returns:
        Such identifiers, with those that were computed until now.
    """
    known = {} if known is None else known
    token = _known.set(known)
    try:
        yield known
    finally:
        _known.reset(token)


def content_id(path: str | Path) -> str:
    """
    Identifier of a clip on the disk, 32 hexadecimal digits.

    For a folder of frames: the sizes of all frames in their order, and all bytes of the first, the middle and the last
    one. For a video: its size and 64 KiB of its start, its middle and its end.

    Raises:
        OSError: it does not exist or cannot be read.
        VideoReadError: a folder without frames.
    """
    path = Path(path)
    try:
        frames = _in_order(frame_entries(path))
    except NotADirectoryError:
        with open(path, "rb", opener=_open_at_once) as file:
            _check_file(os.fstat(file.fileno()), path)
            return _video_id(file)
    sizes = [_check_file(frame.stat(), frame.path) for frame in frames]
    return _digest("frames", sizes, (_read(frames[number].path) for number in _three(len(frames))))


def path_ids(paths: Sequence[str | Path]) -> list[str | None]:
    """Identifiers of clips on the disk, None for those that cannot be read."""

    def identify(path: str | Path) -> str | None:
        try:
            return content_id(path)
        except (OSError, VideoReadError):
            return None

    known = _known.get()
    known = {} if known is None else known
    absolute = [os.path.abspath(path) for path in paths]  # noqa: PTH100 (a `Path` takes ten times as long)
    new = [path for path in dict.fromkeys(absolute) if path not in known]
    with ThreadPoolExecutor(_THREADS) as threads:
        known.update(zip(new, _with_progress(threads.map(identify, new), len(new)), strict=True))
    return [known[path] for path in absolute]


def with_content_ids(rows: datasets.DatasetDict) -> datasets.DatasetDict:
    """
    The rows with the column `content_id`. Rows that have it are returned as they are: shards carry the identifiers of
    the clips that they were made from.
    """
    if all(CONTENT_ID in clips.column_names for clips in rows.values()):
        return rows
    return datasets.DatasetDict({split: add_content_ids(clips, row_ids(clips)) for split, clips in rows.items()})


def add_content_ids(clips: datasets.Dataset, content_ids: Sequence[str | None]) -> datasets.Dataset:
    """The clips of a split with a column of these identifiers."""
    return clips.add_column(CONTENT_ID, list(content_ids), feature=datasets.Value("string"))


def row_ids(clips: datasets.Dataset) -> list[str | None]:
    """Identifiers of rows whose `video` is a path, a video file or a list of embedded images."""
    if isinstance(clips.features["video"], datasets.Value):
        return path_ids(list(clips["video"]))
    is_video = isinstance(clips.features["video"], datasets.Video)
    return list(_with_progress(_video_ids(clips) if is_video else _embedded_ids(clips), len(clips)))


def data_digest(clips: Iterable[tuple[str, str, str, str | None]]) -> str:
    """
    Digest of a data set: which clips, in which order and split, with which label and content.

    Args:
        clips: split, name, label's name and identifier of every clip.

    Returns:
        The number of clips and 16 hexadecimal digits, "11,697 clips, 0c5f...".
    """
    lines = [repr(clip) for clip in clips]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{len(lines):,} clips, {digest[:16]}"


def rows_digest(rows: datasets.DatasetDict) -> str:
    """`data_digest` of rows with the column `content_id`."""
    return data_digest(
        (split, clip_id, clips.features["label"].int2str(label), identifier)
        for split, clips in rows.items()
        for clip_id, label, identifier in zip(clips["clip_id"], clips["label"], clips[CONTENT_ID], strict=True)
    )


def _video_ids(clips: datasets.Dataset) -> Iterator[str | None]:
    """As of the files that the rows of a `Video` column hold or name."""
    for batch in clips.select_columns("video").with_format("arrow").iter(batch_size=_ROWS_AT_ONCE):
        for video in batch["video"].to_pylist():
            if video["bytes"] is None:
                yield from path_ids([video["path"] or ""])
            else:
                yield _video_id(io.BytesIO(video["bytes"]))


def _video_id(file: BinaryIO) -> str:
    size = file.seek(0, os.SEEK_END)
    starts = {0, max(0, (size - _SAMPLE_BYTES) // 2), max(0, size - _SAMPLE_BYTES)}
    return _digest("video", [size], (_read_at(file, start) for start in sorted(starts)))


def _embedded_ids(clips: datasets.Dataset) -> Iterator[str | None]:
    """As of a folder with the same files. Of the images only three of a clip are touched."""
    for batch in clips.select_columns("video").with_format("arrow").iter(batch_size=_ROWS_AT_ONCE):
        for frames in batch["video"]:
            images = frames.values.field("bytes")
            if len(images) == 0 or images.null_count:
                yield None
                continue
            sizes = pc.binary_length(images).to_pylist()
            yield _digest("frames", sizes, (images[number].as_py() for number in _three(len(images))))


def _open_at_once(path: str, flags: int) -> int:
    """Opens a path without waiting for a writer, if it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _check_file(status: os.stat_result, path: str | Path) -> int:
    """The size of a file in bytes. Raises an OSError for a pipe or a device, which may never end."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is not a file, but a pipe, a device or a socket.")
    return status.st_size


def _three(number: int) -> list[int]:
    """The first, the middle and the last of so many, each once."""
    return sorted({0, number // 2, number - 1})


def _in_order(frames: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """
    Frames in the order of the numbers in their names. Where the names are alike but for the digits, that is the order
    of their text, which is found ten times faster.
    """
    names = "/".join([frame.name for frame in frames])  # one text is translated faster than many
    are_alike = len(set(names.translate(_ANY_DIGIT).split("/"))) == 1
    return sorted(frames, key=attrgetter("name") if are_alike else number_order)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a `Path` takes as long as the reading)
        return file.read()


def _read_at(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(_SAMPLE_BYTES)


def _digest(kind: str, sizes: Sequence[int], contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256(f"{kind} {sizes}\n".encode())
    for content in contents:
        digest.update(content)
    return digest.digest()[:DIGEST_BYTES].hex()


def _with_progress(identifiers: Iterable[str | None], total: int) -> Iterator[str | None]:
    yield from tqdm(identifiers, total=total, desc="Identifying clips", unit=" clips", delay=_DELAY_SEC)
