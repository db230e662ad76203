"""Records beside the outputs: with which settings they were made of which video, and which of them are complete."""

import errno
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._files import write_json
from ..image_reading_logoformer import VideoReadError, first_line
from .inputs import Input, real_path
from .outputs import Job

_VERSION = 1


@dataclass(frozen=True)
class Record:
    """
    What a record holds.

    Attributes:
        settings: what decides the result, as JSON values.
        source: the video: `path`, and `size_bytes` and `mtime_ns` where it is on this machine.
        outputs: names of the files that were made with these settings of this video.
        begun: names of further files that were to be made so; where one is there, an earlier call made it otherwise.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, Any]
    outputs: Sequence[str]
    begun: Sequence[str]


def record_file(base: Path) -> Path:
    """The hidden file with the record of outputs that are called by `base`."""
    return base.with_name(f".{base.name}.record.json")


def identify(video: Input) -> dict[str, Any]:
    """
    What tells whether a video is the same as before: path, and size and time of the last change; of a folder of frames
    the sum of the sizes and the latest time.

    Raises:
        VideoReadError: nothing is there (a link to nowhere), or no permission.
    """
    if isinstance(video.source, int) or video.is_address:
        return {"path": str(video.source)}
    path = Path(video.source)
    try:
        files = [file for file in path.iterdir() if file.is_file()] if path.is_dir() else [path]
        states = [file.stat() for file in files]
    except OSError as error:
        is_lost = error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink()
        reason = "the link leads to nothing" if is_lost else first_line(error)
        raise VideoReadError(f"{path}: {reason}.") from error
    return {
        "path": str(real_path(path)),
        "size_bytes": sum(state.st_size for state in states),
        "mtime_ns": max((state.st_mtime_ns for state in states), default=0),
    }


def is_same(source: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two values of `identify` are those of one video, which may have been moved."""
    if "size_bytes" in source:
        return all(source[name] == other.get(name) for name in ("size_bytes", "mtime_ns"))
    return bool(source["path"] == other.get("path"))


def write_record(job: Job, settings: Mapping[str, Any], source: Mapping[str, Any], is_finished: bool) -> None:
    """
    Writes the record before work begins (`is_finished=False`), and again when all outputs are there. Other outputs of
    the same video and settings stay in it.

    Args:
        job: the video and its outputs.
        settings: what decides the result.
        source: `identify` of the video before it was read: one that changed since then is read again by a later call.
        is_finished: whether the outputs were made.
    """
    assert job.base is not None
    known, names = read_record(job.base), {path.name for path in job.outputs}
    made, begun = set[str](), set[str]()
    if known is not None and known.settings == settings and is_same(source, known.source):
        made, begun = set(known.outputs), set(known.begun)
    made, begun = (made | names, begun) if is_finished else (made, begun | names)
    values = {"settings": settings, "source": source, "outputs": sorted(made), "begun": sorted(begun - made)}
    write_json(record_file(job.base), {"version": _VERSION, **values})


def read_record(base: Path) -> Record | None:
    """The record of outputs; None where there is none, or not of this version."""
    try:
        values = json.loads(record_file(base).read_text(encoding="utf-8"))
        if values["version"] == _VERSION:
            return Record(
                dict(values["settings"]), dict(values["source"]), list(values["outputs"]), list(values["begun"])
            )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    return None


def is_finished(job: Job, settings: Mapping[str, Any], overwrite: bool) -> bool:
    """
    Whether all outputs of a video are there, made of this video with these settings.

    Args:
        job: the video and its outputs.
        settings: what decides the result now.
        overwrite: whether other outputs may be replaced.

    Raises:
        ValueError: outputs are there that were made with other settings, of another video, or by another program.
    """
    existing = [path for path in job.outputs if path.exists()]
    if job.base is None or not existing:
        return False
    try:
        record, source = read_record(job.base), identify(job.video)
    except VideoReadError:  # reading it fails likewise, before an output is replaced, and is reported with the others
        return False
    for path in existing:
        reason = _why_not(path, job, record, settings, source)
        if reason and not overwrite:
            raise ValueError(f"{path} {reason}. Choose another output, or replace it with --overwrite.")
        if reason:
            return False
    assert record is not None
    is_made = {path.name for path in existing} <= set(record.outputs)
    return is_made and len(existing) == len(job.outputs) and is_same(source, record.source)


def _why_not(
    path: Path, job: Job, record: Record | None, settings: Mapping[str, Any], source: Mapping[str, Any]
) -> str | None:
    """Why an output that is there may not be replaced; None if this command made or began it."""
    if job.video.is_camera:
        return "exists, and a camera shows nothing twice"
    if record is None or path.name not in {*record.outputs, *record.begun}:
        return "exists, and no record says how it was made"
    if not is_same(source, record.source) and source["path"] != record.source.get("path"):
        return f"was made of another video, {record.source.get('path')}"
    names = [name for name in sorted({*record.settings, *settings}) if record.settings.get(name) != settings.get(name)]
    if names:
        shown = ", ".join(f"{name} {record.settings.get(name)!r} (now {settings.get(name)!r})" for name in names)
        return f"was made with other settings: {shown}"
    return None
