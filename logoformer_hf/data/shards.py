"""Parquet shards with all frames of the clips embedded as small JPEGs: fast to read, and few files to copy."""

import hashlib
import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from datasets.packaged_modules.parquet.parquet import ParquetConfig
from datasets.utils import tqdm
from PIL import Image
from pyarrow.dataset import ParquetFragmentScanOptions
from torchvision.transforms.v2 import functional

from .._files import read_json, whole_file, write_json
from ..image_reading_logoformer import exif_orientation, first_line
from ..video_reading_logoformer import read_clip
from .identity import CONTENT_ID
from .jpeg_parts import without_texts
from .problems import ClipProblems, Problem, name_some, read_problems, write_problems
from .seal import seal
from .shard_contents import (
    ROWS_AT_ONCE,
    SETTING_RANGES,
    SETTINGS_FILE,
    SETTINGS_VERSION,
    check_rows_of_shards,
    embedded_frames,
    is_as_written,
    schema_parts,
    shard_files,
    shard_writer,
)
from .transforms import shorter_side_px
from .workers import errors_of_workers, leave_signals_to_main_process

DEFAULT_SIDE_PX = shorter_side_px(image_size=112, min_crop_area=0.7)
DEFAULT_JPEG_QUALITY = 90
PROBLEMS_FILE = "problems.csv"
_FRAMES_AT_ONCE = 64  # frames decoded at a time: all of a long video would not fit into memory
_SAMPLED_CLIPS = 20  # clips from which the size is estimated
_Item = TypeVar("_Item")


def prepare_shards(
    rows: datasets.DatasetDict,
    output_dir: str | Path,
    side_px: int = DEFAULT_SIDE_PX,
    jpeg_quality: int = DEFAULT_JPEG_QUALITY,
    clips_per_shard: int = 1000,
    num_workers: int = 2,
    on_problem: str = "stop",
    faces: str | None = None,
) -> list[Problem]:
    """
    Writes clips as Parquet files `data/<split>-00000-of-00012.parquet`, which `datasets` loads, streams and uploads.

    Columns are those of `rows`, with the frames themselves as `video` (`List(Image())`) and the number of decoded
    frames as `num_frames`. A shard gets its name when it is complete. A second call writes only the missing ones and
    those whose clips have another `content_id` by now. The size of the shards is estimated from a few clips and
    printed first.

    Args:
        rows: columns of `data.rows.clip_features`, `video` being a path, or a list of embedded images, of which JPEGs
            that are small enough are stored as they are. Without `content_id` it is not noticed that clips were
            replaced.
        output_dir: folder for the shards, the settings that they were made with, and `problems.csv`.
        side_px: shorter side of the frames in pixels; larger frames are reduced, smaller ones are kept. The default
            is for training on 112x112 pixels, see `data.transforms.shorter_side_px`.
        jpeg_quality: 1 to 95.
        clips_per_shard: rows of a file.
        num_workers: processes that decode and encode.
        on_problem: what is done with clips that cannot be read: "stop" does not write their shards, and raises after
            all others are written; "skip" leaves the clips out.
        faces: how the frames were cropped to faces, None for whole frames. Both cannot be in one folder.

    Returns:
        The clips that were left out, those of earlier calls included.

    Raises:
        ClipProblems: unreadable clips with "stop", or a shard in which all clips are unreadable.
        ValueError: an argument out of its range, or a folder whose shards have other clips or settings.
        OSError: the disk has less free space than the shards need.
    """
    check_shard_arguments(rows, side_px, jpeg_quality, clips_per_shard, on_problem)
    output_dir = Path(output_dir)
    (output_dir / "data").mkdir(parents=True, exist_ok=True)
    rows = with_ids_as_in_shards(rows, output_dir / SETTINGS_FILE)
    fingerprints = {split: clips_fingerprint(rows[split]) for split in rows}
    keep_settings(
        output_dir / SETTINGS_FILE,
        {
            "version": SETTINGS_VERSION,
            "side_px": side_px,
            "jpeg_quality": jpeg_quality,
            "clips_per_shard": clips_per_shard,
            "clips": fingerprints,
            "faces": faces,
            CONTENT_ID: all(CONTENT_ID in clips.column_names for clips in rows.values()),
        },
    )
    clips = EncodedClips(rows, side_px, jpeg_quality)
    shards = plan_shards(rows, output_dir / "data", clips_per_shard)
    delete_stale(shards, rows)
    pending = [shard for shard in shards if not shard.file.exists()]
    keys = [key for shard in pending for key in shard.keys]
    if keys:
        say_estimate(clips, keys, output_dir, f"{len(pending):,} of {len(shards):,} shards")

    # Problems of finished shards; the clips of the other shards are read again.
    pending_ids = {clips.clip_ids[split][index] for split, index in keys}
    problems = [problem for problem in read_problems(output_dir / PROBLEMS_FILE) if problem.clip_id not in pending_ids]
    loader = torch.utils.data.DataLoader(
        clips, sampler=keys, batch_size=None, collate_fn=as_it_is, num_workers=num_workers
    )
    encoded = iter(tqdm(leave_signals_to_main_process(loader), total=len(keys), desc="Preparing clips", unit=" clips"))
    stopped = []
    schema = clips.features.arrow_schema
    schema = seal(schema, schema_parts(schema))
    for shard in pending:
        with errors_of_workers("Start again: finished shards are kept."):
            new = write_shard(shard, schema, (next(encoded) for _ in shard.keys), on_problem)
        problems += new
        if not shard.file.exists():
            stopped += new
        write_problems(problems, output_dir / PROBLEMS_FILE)
    if stopped:
        raise ClipProblems(
            stopped,
            sum(map(len, rows.values())),
            'Their shards are not written. Repair the clips, or leave them out with `on_problem="skip"`, and start '
            "again: finished shards are kept.",
        )
    size_mb = sum(shard.file.stat().st_size for shard in shards) / 1e6
    print(f"{output_dir}: {len(shards):,} shards, {size_mb:,.1f} MB, {len(problems):,} clips could not be stored.")
    return problems


def check_shard_arguments(
    rows: datasets.DatasetDict, side_px: int, jpeg_quality: int, clips_per_shard: int, on_problem: str
) -> None:
    """Raises a ValueError for an argument of `prepare_shards` that is out of its range, or a split without clips."""
    if on_problem not in ("stop", "skip"):
        raise ValueError(f"`on_problem` is {on_problem!r}; it must be 'stop' or 'skip'.")
    numbers = {"side_px": side_px, "jpeg_quality": jpeg_quality, "clips_per_shard": clips_per_shard}
    for name, value in numbers.items():
        least, most = SETTING_RANGES[name]
        if not least <= value <= most:
            raise ValueError(f"`{name}` is {value}; it must be from {least} to {most:,}.")
    if empty := [split for split, clips in rows.items() if len(clips) == 0]:
        raise ValueError(f"split {empty[0]!r} has no clips.")


@dataclass(frozen=True)
class Shard:
    """The clips of one file, as pairs (split, row number in the split), and the file."""

    keys: list[tuple[str, int]]
    file: Path


def plan_shards(rows: datasets.DatasetDict, folder: Path, clips_per_shard: int) -> list[Shard]:
    """Divides the clips of every split into shards of `clips_per_shard`; the last one of a split may be smaller."""
    shards = []
    for split, clips in rows.items():
        starts = range(0, len(clips), clips_per_shard)
        for number, start in enumerate(starts):
            numbers = range(start, min(start + clips_per_shard, len(clips)))
            file = folder / f"{split}-{number:05d}-of-{len(starts):05d}.parquet"
            shards.append(Shard([(split, number) for number in numbers], file))
    return shards


def with_ids_as_in_shards(rows: datasets.DatasetDict, settings_file: Path) -> datasets.DatasetDict:
    """The rows; without `content_id` where shards were begun by an earlier version, which have no such column."""
    is_known = CONTENT_ID in rows[next(iter(rows))].column_names
    if not is_known or not settings_file.exists() or has_content_ids(settings_file.parent):
        return rows
    print(
        f"{settings_file.parent}: its shards are of an earlier version and do not identify their clips, so frames "
        "that were replaced since are not noticed. Delete the folder to prepare it anew."
    )
    return rows.remove_columns([CONTENT_ID])


def has_content_ids(folder: str | Path) -> bool:
    """Whether shards have the column `content_id`; those of version 0.1 have not."""
    return bool(read_settings(Path(folder) / SETTINGS_FILE).get(CONTENT_ID, False))


def read_settings(file: Path) -> dict[str, Any]:
    """The settings that shards were made with. Raises a ValueError if the file is damaged."""
    settings: dict[str, Any] = read_json(file)
    if not isinstance(settings, dict) or not isinstance(settings.get("clips"), dict):
        raise ValueError(f"{file} is damaged: it does not hold the settings of shards.")
    return settings


def delete_stale(shards: Iterable[Shard], rows: datasets.DatasetDict) -> None:
    """Deletes the shards that hold a clip whose content is another by now, so that they are written anew."""
    if CONTENT_ID not in rows[next(iter(rows))].column_names:
        return
    now = {
        (split, clip_id): identifier
        for split, clips in rows.items()
        for clip_id, identifier in zip(clips["clip_id"], clips[CONTENT_ID], strict=True)
    }
    for shard in shards:
        if not shard.file.exists():
            continue
        split = shard.keys[0][0]
        try:
            stored = pq.read_table(shard.file, columns=["clip_id", CONTENT_ID], partitioning=None).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise _damaged(shard.file, error) from error
        changed = [row["clip_id"] for row in stored if now[split, row["clip_id"]] != row[CONTENT_ID]]
        if changed:
            print(f"{shard.file} is written anew: clips have changed since ({len(changed):,}): {name_some(changed)}.")
            shard.file.unlink()


class EncodedClips(torch.utils.data.Dataset[dict[str, Any] | Problem]):
    """Rows with all frames as JPEGs, by (split, row number); a `Problem` for a clip that cannot be read."""

    def __init__(self, rows: datasets.DatasetDict, side_px: int, jpeg_quality: int):
        # In the stored form: embedded images would be decoded otherwise.
        self.rows = {split: clips.with_format("arrow") for split, clips in rows.items()}
        self.side_px = side_px
        self.jpeg_quality = jpeg_quality
        self.clip_ids = {split: list(clips["clip_id"]) for split, clips in rows.items()}
        self.features = datasets.Features(next(iter(rows.values())).features)
        self.features["video"] = datasets.List(datasets.Image())

    def __getitem__(self, key: tuple[str, int]) -> dict[str, Any] | Problem:
        split, number = key
        row: dict[str, Any] = self.rows[split][number].to_pylist()[0]
        try:
            frames = encode_frames(row["video"], self.side_px, self.jpeg_quality)
        except ValueError as error:
            kind = type(row["video"])
            name = row["video"] if kind is str else "embedded video" if kind is dict else "embedded frames"
            return Problem(row["clip_id"], name, str(error).removeprefix(f"{name}: "))
        return row | {"video": frames, "num_frames": len(frames)}


def encode_frames(
    video: str | dict[str, Any] | list[dict[str, Any]], side_px: int, jpeg_quality: int
) -> list[dict[str, Any]]:
    """All frames of a clip as JPEGs whose shorter side has at most `side_px` pixels, as `Image` stores them."""
    if isinstance(video, list):
        video = embedded_frames(video)
        stored = [small_jpeg(frame["bytes"], side_px) for frame in video]
        if None not in stored:  # encoded again they would lose quality
            return [{"bytes": content, "path": None} for content in stored]
    encoded: list[dict[str, Any]] = []
    total = 1

    def choose_next(num_frames: int) -> range:
        nonlocal total
        total = num_frames
        return range(len(encoded), min(len(encoded) + _FRAMES_AT_ONCE, num_frames))

    while len(encoded) < total:
        pixels, _ = read_clip(video, choose_next, min_decoded_side_px=side_px)
        frames = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # (frames, channels, height, width)
        if min(frames.shape[-2:]) > side_px:
            frames = functional.resize(frames, [side_px], antialias=True)
        for frame in frames.permute(0, 2, 3, 1).contiguous().numpy():
            file = io.BytesIO()
            Image.fromarray(frame).save(file, "JPEG", quality=jpeg_quality)
            encoded.append({"bytes": file.getvalue(), "path": None})
    return encoded


def small_jpeg(content: bytes, side_px: int) -> bytes | None:
    """
    An intact, upright JPEG whose shorter side has at most `side_px` pixels, without EXIF and other texts, which may
    say where it was taken; None for other images.
    """
    if not content.startswith(b"\xff\xd8"):
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            is_wanted = min(image.size) <= side_px and exif_orientation(image) == 1
        return without_texts(content) if is_wanted else None
    except (OSError, SyntaxError, ValueError):
        return None


def as_it_is(item: _Item) -> _Item:
    """Returns the item unchanged."""
    return item


def write_shard(
    shard: Shard, schema: pa.Schema, encoded: Iterable[dict[str, Any] | Problem], on_problem: str
) -> list[Problem]:
    """
    Writes a shard completely, or not at all: if it has a problem and `on_problem` is "stop", or no readable clip.

    Returns:
        The problems of its clips.
    """
    problems, batch, num_written = [], [], 0
    with whole_file(shard.file) as partial:  # a hidden file, which `datasets` does not load as a shard
        with shard_writer(partial, schema) as writer:
            for item in encoded:
                if isinstance(item, Problem):
                    problems.append(item)
                    continue
                batch.append(item)
                if len(batch) == ROWS_AT_ONCE:
                    writer.write_table(pa.Table.from_pylist(batch, schema))
                    num_written, batch = num_written + len(batch), []
            if batch:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                num_written += len(batch)
        if problems and (on_problem == "stop" or num_written == 0):
            partial.unlink()
    return problems


def say_estimate(clips: EncodedClips, keys: list[tuple[str, int]], output_dir: Path, what: str) -> None:
    """
    Estimates the size of the shards from a sample of their clips, and prints it.

    Raises:
        OSError: the disk has less free space than the shards need.
    """
    step = -(-len(keys) // _SAMPLED_CLIPS)
    sample = [clip for clip in map(clips.__getitem__, keys[::step]) if not isinstance(clip, Problem)]
    if not sample:
        return  # the problems are reported when the clips are encoded
    clip_bytes = sum(len(frame["bytes"]) for clip in sample for frame in clip["video"]) / len(sample)
    size_mb, free_mb = clip_bytes * len(keys) / 1e6, shutil.disk_usage(output_dir).free / 1e6
    print(
        f"{output_dir}: {what} to write, {len(keys):,} clips, about {size_mb:,.1f} MB (estimated from {len(sample)} "
        f"clips); {free_mb:,.0f} MB are free."
    )
    if size_mb > free_mb:
        raise OSError(
            f"{output_dir}: the shards need about {size_mb:,.0f} MB, and {free_mb:,.0f} MB are free. Name a folder on "
            "another disk, or make the frames smaller with `side_px`."
        )


def clips_fingerprint(clips: datasets.Dataset) -> str:
    """
    Fingerprint of all columns but `video` and `num_frames`, since the videos may be in another folder next time, and
    `content_id`, which is compared clip by clip.
    """
    clips = clips.remove_columns([CONTENT_ID]) if CONTENT_ID in clips.column_names else clips
    digest = hashlib.sha256(repr(clips.features).encode())
    for row in clips.remove_columns(["video", "num_frames"]):
        digest.update(repr(sorted(row.items())).encode())
    return f"{len(clips)} clips, {digest.hexdigest()[:16]}"


def keep_settings(file: Path, settings: dict[str, Any]) -> None:
    """
    Writes the settings of new shards, or compares them with those of existing shards.

    Raises:
        ValueError: the existing shards have other settings.
    """
    if not file.exists():
        write_json(file, settings)
        return
    known = {CONTENT_ID: False} | read_settings(file)
    different = [name for name in settings if settings[name] != known.get(name)]
    if different:
        name = different[0]
        raise ValueError(
            f"{file.parent}: its shards have {name} {known.get(name)}, and now it is {settings[name]}. All shards in "
            "it must have the same settings: use the same arguments, name another folder, or delete this one."
        )


def load_shards(
    folder: str | Path, fold: int | None = None, cache_dir: str | Path | None = None
) -> datasets.DatasetDict:
    """
    Rows of the shards that `prepare_shards` wrote.

    `datasets` keeps a copy of them as Arrow files in its cache, from which a clip is read without reading others.

    Args:
        folder: `output_dir` of `prepare_shards`.
        fold: for shards with a column `fold`: the clips of this fold are the split "test", all others "train".
        cache_dir: folder of the copy; by default the cache of `datasets`.

    Raises:
        FileNotFoundError: the folder has no shards, or some are missing.
        ValueError: the shards do not have this fold, or hold something else than clips with their frames and labels.
    """
    folder = Path(folder)
    data_files = {split: [str(file) for file in files] for split, files in shard_files(folder).items()}
    rows = load_parquet(data_files, folder, cache_dir)
    check_rows_of_shards(rows, folder)
    return rows if fold is None else split_by_fold(rows, fold)


def load_parquet(data_files: dict[str, list[str]], folder: Path, cache_dir: str | Path | None) -> datasets.DatasetDict:
    """
    Rows of Parquet files by split. Raises a ValueError for a file that is damaged, which is seen when it is read for
    the first time.
    """
    files = [file for of_split in data_files.values() for file in of_split]
    for file in files:
        check_schema(file)
    # Older versions of `datasets` do not compare the pages of the files with their checksums.
    is_known = any(field.name == "fragment_scan_options" for field in fields(ParquetConfig))
    checks = {"fragment_scan_options": ParquetFragmentScanOptions(page_checksum_verification=True)} if is_known else {}
    try:
        return datasets.load_dataset(
            "parquet", data_files=data_files, cache_dir=None if cache_dir is None else str(cache_dir), **checks
        )
    except MemoryError:
        raise
    except Exception as error:  # of many kinds, for files that are damaged or made by something else
        if isinstance(error, OSError) and not isinstance(error, pa.ArrowException):
            raise
        cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
        if isinstance(cause, OSError) and cause.errno is not None:  # a full disk, not a damaged file
            raise OSError(cause.errno, cause.strerror, str(cache_dir or datasets.config.HF_DATASETS_CACHE)) from error
        raise ValueError(
            f"{folder}: a shard, or the copy of the shards in the cache of `datasets`, is damaged "
            f"({first_line(cause)}). Delete it, and prepare the shards again with the same arguments."
        ) from error


def check_schema(file: str) -> None:
    """Raises a ValueError for a shard whose columns and features are not those that were written."""
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from error
    if not is_as_written(schema):
        raise _damaged(file, "the description of its columns was changed")


def _damaged(file: str | Path, reason: object) -> ValueError:
    return ValueError(
        f"{file} is damaged ({reason}). Delete it and prepare the shards again with the same arguments: only the "
        "missing ones are written."
    )


def split_by_fold(rows: datasets.DatasetDict, fold: int) -> datasets.DatasetDict:
    """
    Divides rows with a column `fold` into "test", the clips of this fold, and "train", all others.

    Raises:
        ValueError: the rows have no column `fold`, or not this fold.
    """
    clips = datasets.concatenate_datasets(list(rows.values()))
    if "fold" not in clips.column_names:
        raise ValueError(f"`fold` is {fold}, but these clips have no column `fold`: leave it out.")
    folds = list(clips["fold"])
    if fold not in folds:
        raise ValueError(f"`fold` is {fold}; these clips have the folds {', '.join(map(str, sorted(set(folds))))}.")
    is_test = [number == fold for number in folds]
    return datasets.DatasetDict(
        {
            "train": clips.select([index for index, test in enumerate(is_test) if not test]),
            "test": clips.select([index for index, test in enumerate(is_test) if test]),
        }
    )
