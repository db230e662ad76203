"""Inspects the files of clips on the disk: counts frames, collects problems, and computes a fingerprint."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets.utils import tqdm
from PIL import Image, UnidentifiedImageError

from ...image_reading_logoformer import IMAGE_SUFFIXES, VideoReadError, first_line, frame_entries
from ...video_container_logoformer import FrameDecoder, choose_stream, open_container
from ...video_reading_logoformer import scan_packets
from ..problems import Problem
from .still_files import check_still
from .whole_files import UnusableClip, check_file, ends_early

# "quick" counts the frames, finds empty ones and opens one; for a video it scans the packets.
# "full" also decodes every frame once.
CHECKS = ("quick", "full")
# Counting holds Python's global lock, so more than two threads are not faster; decoding releases it.
_THREADS = {"quick": 2, "full": os.cpu_count() or 1}


@dataclass(frozen=True)
class PlannedClip:
    """
    A clip as lists or folders name it, before its files are inspected.

    Attributes:
        clip_id: unique name of the clip, the same in every layout and list of a data set.
        split: "train", "validation" or "test".
        path: video file or folder of frames, absolute.
        label: name of the class.
        extra: values of the source's own columns, e.g. `{"scene": "Action"}`.
    """

    clip_id: str
    split: str
    path: Path
    label: str
    extra: dict[str, Any] = field(default_factory=dict)


def inspect_clips(
    clips: Sequence[PlannedClip], check: str, must_be_whole: bool = False
) -> tuple[dict[str, int], list[Problem]]:
    """
    Counts the frames of every clip on the disk and finds the clips that cannot be used; with `must_be_whole` also
    videos that end in the middle, as `whole_files` finds them.

    Returns:
        `{clip_id: number of frames}` of the good clips, and the problems of the others, in the order of `clips`.
    """

    def inspect(clip: PlannedClip) -> int | Problem:
        try:
            num_frames = count_frames(clip.path, check)
            if must_be_whole and ends_early(clip.path):
                raise UnusableClip("the file ends in the middle: fetch it again")
            return num_frames
        except UnusableClip as reason:
            return Problem(clip.clip_id, str(clip.path), str(reason))

    num_frames, problems = {}, []
    threads = ThreadPoolExecutor(_THREADS[check])
    try:
        results = tqdm(threads.map(inspect, clips), total=len(clips), desc="Checking clips", unit=" clips")
        for clip, result in zip(clips, results, strict=True):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                num_frames[clip.clip_id] = result
    finally:
        threads.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the other clips
    return num_frames, problems


def count_frames(path: Path, check: str = "quick") -> int:
    """
    Frames of a video file, counted by its packets, of a folder of images, or of an image.

    Args:
        path: the clip.
        check: one of `CHECKS`.

    Raises:
        UnusableClip: missing, empty or unreadable, as far as `check` covers it.
    """
    try:
        if path.is_dir():
            return _count_images(path, check)
        return check_still(path, check) if path.suffix.lower() in IMAGE_SUFFIXES else _count_packets(path, check)
    except FileNotFoundError:
        raise UnusableClip("there is no such file or folder") from None
    except VideoReadError as error:
        raise UnusableClip(str(error).removeprefix(f"{path}: ").rstrip(".")) from None
    except OSError as error:
        raise UnusableClip(f"cannot be read: {first_line(error)}") from None


def _count_images(folder: Path, check: str) -> int:
    images = frame_entries(folder)
    first = min(images, key=lambda image: image.name)
    for image in images:
        try:
            if image.stat().st_size == 0:
                raise UnusableClip(f"frame {image.name} is empty")
            if check == "full" or image is first:
                with Image.open(image.path) as picture:
                    if check == "full":
                        picture.load()
        except UnidentifiedImageError:
            raise UnusableClip(f"frame {image.name} is not an image") from None
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # PIL: SyntaxError for a broken PNG
            raise UnusableClip(f"frame {image.name} cannot be read: {first_line(error)}") from None
    return len(images)


def _count_packets(file: Path, check: str) -> int:
    check_file(file)
    with open_container(file) as container:
        num_frames = len(scan_packets(container, choose_stream(container, file)).frames_pts)
    if num_frames == 0 or check == "full":
        with open_container(file) as container:
            decoder = FrameDecoder(container, choose_stream(container, file), file)
            num_decoded = sum(1 for _ in decoder.frames())
        if num_decoded == 0:
            raise UnusableClip("the video has no frames that can be decoded")
        if num_lost := decoder.num_lost:
            raise UnusableClip(f"{num_lost:,} of {num_decoded + num_lost:,} frames cannot be decoded")
        num_frames = num_frames or num_decoded
    return num_frames


def fingerprint(settings: object, list_files: Iterable[Path], clips: Iterable[PlannedClip]) -> str:
    """
    Hash of the state of a data set, 16 hexadecimal digits: it changes when a setting, a list or a clip changes.

    It covers the content of every list, and for every clip the size and the times of the video file or of the folder
    of frames, which is one `stat` per clip: a folder's times change when a frame is added, deleted or renamed. The
    time of the last change of any kind (`st_ctime_ns`, not on Windows) also covers changes that keep the time of
    modification: an archive that is unpacked again, a change of permissions.

    Not detected are: a frame that is overwritten in place (its row stays correct, a check of it does not); a change of
    the target of a frame that is a link; a change within the resolution of the file system's clock right after a build
    (some milliseconds; 2 seconds on FAT); changes on a mount that does not keep these times.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for file in list_files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for clip in clips:
        try:
            status = clip.path.stat()
            state: object = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except OSError as error:
            state = error.errno
        digest.update(f"{clip} {state}\n".encode())
    return digest.hexdigest()[:16]
