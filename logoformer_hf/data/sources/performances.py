"""
An index of a folder of performances: recordings whose names say who performed what, as those of CREMA-D and RAVDESS.
What is missing, there twice, or no video yet is found here, before anything is read.
"""

import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...video_container_logoformer import VIDEO_SUFFIXES
from ..problems import name_some
from .whole_files import is_pointer

# How the data sets name a performance; the parts in brackets are what the name says.
PATTERNS = {
    "crema_d": re.compile(r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX)"),
    "ravdess": re.compile(r"(0[12])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)"),
}
_EXAMPLES = {"crema_d": "1001_DFA_ANG_XX.flv", "ravdess": "02-01-06-01-02-01-12.mp4"}
_MAX_DEPTH = 4  # folders below the one that is named
_SOUNDS = (".wav", ".mp3")
_ARCHIVES = (".zip", ".tar", ".gz", ".7z")
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".aria2")


@dataclass
class Performances:
    """
    What was found in a folder.

    Attributes:
        folder: the folder.
        paths: videos and folders of frames by the name of the performance.
        pointers: names of those that are pointers of Git LFS instead of videos.
        archives: archives that may not be unpacked yet.
        unfinished: downloads that are not finished.
        num_sounds: recordings of the voice alone.
    """

    folder: Path
    paths: dict[str, list[Path]] = field(default_factory=dict)
    pointers: list[str] = field(default_factory=list)
    archives: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    num_sounds: int = 0

    def archive_of(self, *words: str) -> Path | None:
        """The archive whose name holds one of these words."""
        return next((file for word in words for file in self.archives if word in file.name), None)


def index_performances(data_dir: Path, dataset: str) -> Performances:
    """
    Looks for performances in a folder and in those below it.

    Args:
        data_dir: the folder.
        dataset: key of `PATTERNS`.

    Raises:
        FileNotFoundError: there are none; the message says what is there instead.
    """
    found = Performances(data_dir)
    others = dict.fromkeys(PATTERNS.keys() - {dataset}, 0)
    _search(data_dir, dataset, found, others, _MAX_DEPTH)
    if not found.paths:
        raise FileNotFoundError(_nothing_found(found, dataset, others))
    return found


def _search(folder: Path, dataset: str, found: Performances, others: dict[str, int], depth: int) -> None:
    with os.scandir(folder) as scanned:
        entries = sorted(scanned, key=lambda entry: entry.name)
    for entry in entries:
        stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 (a `Path` takes as long as all the rest)
        suffix = suffix.lower()
        is_dir = entry.is_dir()
        name = (entry.name if is_dir else stem).upper()  # as the data sets write it; some disks and tools change it
        if is_dir or suffix in VIDEO_SUFFIXES:
            if PATTERNS[dataset].fullmatch(name):
                found.paths.setdefault(name, []).append(Path(entry.path))
                if not is_dir and is_pointer(Path(entry.path)):
                    found.pointers.append(name)
                continue
            if known := next((each for each in others if PATTERNS[each].fullmatch(name)), None):
                others[known] += 1
        if is_dir and depth and not entry.name.startswith((".", "__MACOSX")):
            _search(Path(entry.path), dataset, found, others, depth - 1)
        elif suffix in _ARCHIVES:
            found.archives.append(Path(entry.path))
        elif suffix in _UNFINISHED:
            found.unfinished.append(Path(entry.path))
        elif suffix in _SOUNDS and not is_dir:
            found.num_sounds += 1


def _nothing_found(found: Performances, dataset: str, others: dict[str, int]) -> str:
    message = (
        f"`data_dir` is {found.folder}, and no video in it or up to {_MAX_DEPTH} folders below is named as "
        f"{_EXAMPLES[dataset]}"
    )
    if other := next((name for name, number in others.items() if number), None):
        return f"{message}, but {others[other]:,} are named as those of another data set: give `dataset` {other}."
    if found.archives:
        archive = found.archives[0]
        return f"{message}, but archives are there: unpack them, as by `{unpack(archive)}`."
    if found.unfinished:
        return f"{message}, but unfinished downloads are, as {found.unfinished[0].name}: finish them."
    if found.num_sounds:
        return (
            f"{message}, but {found.num_sounds:,} recordings of the voice alone are: fetch the videos, or name the "
            "folder that holds both."
        )
    return f"{message}: name the folder that was unpacked or cloned."


def unpack(archive: Path) -> str:
    """The command that unpacks an archive beside itself."""
    folder, file = shlex.quote(str(archive.parent)), shlex.quote(str(archive))
    return f"unzip {file} -d {folder}" if archive.suffix.lower() == ".zip" else f"tar -xf {file} -C {folder}"


def check_once(found: Performances, names: Collection[str]) -> dict[str, Path]:
    """
    The path of each performance. Raises a ValueError where one is there twice, which would count it twice.

    Args:
        found: what was found.
        names: the performances that are used.
    """
    several = {name: found.paths[name] for name in names if len(found.paths.get(name, ())) > 1}
    # A link to the folder, or out of it to one above, leads to the same files.
    twice = [name for name, paths in several.items() if len({os.path.realpath(path) for path in paths}) > 1]
    if twice:
        first, second, *_ = found.paths[twice[0]]
        raise ValueError(
            f"{len(twice):,} performances are there twice, as {first} and {second}: delete or move one of each, or "
            f"name the folder of one as `data_dir`: {first.parent}."
        )
    return {name: found.paths[name][0] for name in names if name in found.paths}


def missing_parts(
    expected: Iterable[str], there: Collection[str], person_of: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """
    What is missing of a data set.

    Returns:
        the people of whom nothing is there, and the names of the other missing performances.
    """
    missing = [name for name in expected if name not in there]
    present = {person_of(name) for name in there}
    people = sorted({person_of(name) for name in missing} - present)
    return people, [name for name in missing if person_of(name) in present]


def describe_missing(people: list[str], names: list[str], what: str) -> str:
    """What is missing, in words: "2 actors (1007, 1008) and 5 clips (...)"."""
    parts = []
    if people:
        parts.append(f"{len(people):,} {what}{'' if len(people) == 1 else 's'} ({name_some(people)})")
    if names:
        parts.append(f"{len(names):,} clip{'' if len(names) == 1 else 's'} ({name_some(names)})")
    return " and ".join(parts)
