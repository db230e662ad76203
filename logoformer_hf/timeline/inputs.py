"""Which videos the paths of a command mean: files, folders, patterns, addresses, cameras."""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import av

from .._text import one_line
from ..downloading_logoformer import check_host, is_address, shortened
from ..faces.footage import camera_index
from ..image_reading_logoformer import AVIF_SUFFIXES, IMAGE_SUFFIXES, VideoReadError, is_image_file
from ..reading_limits_logoformer import without_password
from ..video_container_logoformer import VIDEO_SUFFIXES, is_image_format, is_picture, open_container

OVERLAY_ENDING = ".overlay.mp4"  # written beside other outputs; in a search they are not videos to read
_Video = TypeVar("_Video")
_MIN_FRAMES = 2  # images that make a folder a video


@dataclass(frozen=True)
class Input:
    """
    A video to read.

    Attributes:
        source: path, address, or number of a camera.
        name: path relative to the folder or pattern that it was found with, with "/"; outputs are called by it.
        duration_sec: as the file says; None where it does not.
    """

    source: str | int
    name: str
    duration_sec: float | None = None

    @property
    def is_camera(self) -> bool:
        """Whether the source has no end of its own."""
        return isinstance(self.source, int)

    @property
    def is_address(self) -> bool:
        """Whether the source is somewhere on the web."""
        return is_address(self.source)

    @property
    def is_missing(self) -> bool:
        """Whether nothing is at the path, as behind a link that leads to nothing or to itself."""
        is_path = isinstance(self.source, str) and not self.is_address
        return is_path and not os.path.exists(self.source)  # noqa: PTH110 (Path.exists raises errors)


def find_inputs(paths: Sequence[str], leave_out: Collection[Path] = ()) -> list[Input]:
    """
    All videos that the paths mean, each once, sorted by name.

    Args:
        paths: a file; a folder, which is searched with its subfolders, linked ones too; a pattern with `*`, `?`,
            `[...]` or `**`; an `https://` address; the number of a camera. In a folder and by a pattern all files are
            found whose content is a video; names that begin with a dot are skipped. A folder with images and without
            videos is one video.
        leave_out: files of outputs, which are not found, and folders of outputs, which are not searched unless they
            are above what is searched.

    Raises:
        ValueError: nothing there, an empty path, a pipe or device, or two videos with one name.
    """
    found: dict[str, Input] = {}
    for path in paths:
        for item in _inputs_of(path, [real_path(folder) for folder in leave_out]):
            known = found.setdefault(item.name, item)
            if _place(known.source) != _place(item.source):
                both = without_password(f"{known.source} and {item.source}")
                raise ValueError(
                    f"{both} would have the same outputs, {item.name}: give the folder "
                    "above both, or a pattern in quotes, so that their folders stand in the names."
                )
    return [found[name] for name in sorted(found)]


def _inputs_of(path: str, leave_out: Sequence[Path]) -> list[Input]:
    if not path:  # a variable of the shell that is not set; as a path it would be the current folder
        raise ValueError("'' is the name of no video: give a file, folder, pattern, address or camera.")
    index = camera_index(path)
    if index is not None:
        return [Input(index, f"camera-{index}")]
    if is_address(path):
        path = path.strip()
        check_host(path, shortened(path))  # otherwise a part of a password may become a name of files
        parts = urlsplit(path)
        name = os.path.basename(unquote(parts.path)) or parts.netloc  # noqa: PTH119 (not a path of this machine)
        return [Input(path, one_line(name).replace("/", "_"))]
    if Path(path).is_dir():
        found = list(_search(Path(path), Path(path), leave_out))
        if not found:
            raise ValueError(f"{path}: no videos in this folder.")
        return found
    if Path(path).exists():
        if is_special(Path(path)):
            raise ValueError(f"{path}: it is a pipe or a device, not a file; write the video to a file and give that.")
        return [Input(path, Path(path).name, _duration_of(Path(path)))]
    if has_magic(path):
        return _matching(path, leave_out)
    raise ValueError(f"{without_password(path)}: there is no such file or folder.")


def _matching(pattern: str, leave_out: Sequence[Path]) -> list[Input]:
    """Videos, and those in folders, that match a pattern."""
    root = Path(*_constant_parts(pattern))
    found: list[Input] = []
    for match in map(Path, sorted(glob(pattern, recursive=True))):  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if match.is_dir():
            found += _search(match, root, leave_out)
        elif _is_found(match, leave_out) and (probed := _probe(match)):
            found.append(Input(str(match), _relative(match, root), probed.duration_sec))
    if not found:
        raise ValueError(f"{without_password(pattern)}: no video has a name like this.")
    return found


def _constant_parts(pattern: str) -> Iterator[str]:
    """The folders in front of the first part with a wildcard."""
    for part in Path(pattern).parent.parts:
        if has_magic(part):
            return
        yield part


def _search(folder: Path, root: Path, leave_out: Sequence[Path]) -> Iterator[Input]:
    """All videos below a folder, named relative to `root`."""
    visited = {real_path(folder)}
    for place, subfolders, names in os.walk(folder, followlinks=True):
        here = Path(place)
        wanted = sorted(name for name in subfolders if _is_found(here / name, leave_out))
        subfolders[:] = [name for name in wanted if _is_new(here / name, real_path(folder), visited)]
        found = [here / name for name in sorted(names) if _is_found(here / name, leave_out)]
        files = [file for file in found if not is_special(file)]
        images = [file for file in files if _is_frame(file)]
        videos = [(file, probed) for file in files if file not in set(images) and (probed := _probe(file))]
        for file, probed in videos:
            yield Input(str(file), _relative(file, root), probed.duration_sec)
        if not videos and len(images) >= _MIN_FRAMES:
            yield Input(str(here), _relative(here, root))


def _is_frame(file: Path) -> bool:
    """Whether a file may be a frame of the folder: an image, or an AVIF that does not move."""
    suffix = file.suffix.lower()
    if suffix not in AVIF_SUFFIXES:
        return suffix in IMAGE_SUFFIXES
    with suppress(OSError):  # no permission
        return is_image_file(file)
    return False


def _is_new(folder: Path, searched: Path, visited: set[Path]) -> bool:
    """
    Whether a search goes into a folder. A link is followed once, and not to a place inside of what is searched, which
    is found under its own name, nor to one above it, which would be a loop.
    """
    if not folder.is_symlink():
        visited.add(real_path(folder))
        return True
    target = real_path(folder)
    if target in visited or target.is_relative_to(searched) or searched.is_relative_to(target):
        return False
    visited.add(target)
    return True


def _relative(path: Path, root: Path) -> str:
    relative = path.relative_to(root).as_posix()
    return real_path(path).name if relative == "." else relative


def _is_found(path: Path, leave_out: Sequence[Path]) -> bool:
    """Whether a search looks at a file or folder."""
    return (
        not path.name.startswith(".") and not path.name.endswith(OVERLAY_ENDING) and real_path(path) not in leave_out
    )


@dataclass(frozen=True)
class _Probed:
    duration_sec: float | None


def _probe(file: Path) -> _Probed | None:
    """What the header of a video says; None for a file that is none."""
    if is_special(file):
        return None
    try:
        with open_container(file) as container:
            if is_image_format(container.format.name):
                return None
            moving = [stream for stream in container.streams.video if not is_picture(stream)]
            duration = container.duration
            return _Probed(duration / av.time_base if duration else None) if moving else None
    except VideoReadError:
        # With such an ending it is a video even if it cannot be opened, so that its damage is reported.
        return _Probed(None) if file.suffix.lower() in VIDEO_SUFFIXES else None


def _duration_of(file: Path) -> float | None:
    probed = _probe(file)
    return probed.duration_sec if probed else None


def is_special(path: Path) -> bool:
    """Whether a path is a pipe or a device, which to open may wait forever; not where nothing can be found out."""
    try:
        mode = path.stat().st_mode
    except OSError:  # a link to nowhere or to itself, no permission: opening it says so
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def real_path(path: str | Path) -> Path:
    """The path without links. `Path.resolve` raises a RuntimeError for a link to itself, which stays as it is here."""
    return Path(os.path.realpath(path))


def _place(source: str | int) -> str | int:
    """The same value for the same video."""
    return source if isinstance(source, int) or is_address(source) else str(real_path(source))


def take_share(videos: Sequence[_Video], shares: Iterable[tuple[int, int]]) -> list[_Video]:
    """
    The part of the videos that falls to one of several machines.

    Args:
        videos: all videos, in the same order on each machine.
        shares: (number from 1, of how many) of an array of jobs, then that of a process in such a job: every n-th
            video, of those every m-th.
    """
    chosen = list(videos)
    for number, total in shares:
        chosen = chosen[number - 1 :: total]
    return chosen
