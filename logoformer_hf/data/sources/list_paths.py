"""Maps the paths in lists, which are often those of another machine, to the user's folder."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..labels import nfc
from ..problems import name_some
from .layouts import on_disk
from .list_formats import ListedClip, ListError


def path_parts(path: str) -> list[str]:
    """
    The names in a path of any operating system, composed; in an absolute path the first is "" or a drive as "C:".
    """
    names = re.split(r"[\\/]+", nfc(path))
    return [name for place, name in enumerate(names) if name != "." and (name or place == 0)]


def is_absolute(parts: list[str]) -> bool:
    """Whether the names from `path_parts` are those of an absolute path."""
    return parts[:1] == [""] or (len(parts) > 0 and parts[0].endswith(":"))


def check_below(clips: Sequence[ListedClip], paths: Sequence[Path], folders: Sequence[str | Path]) -> None:
    """
    Checks that listed clips lie in these folders, links followed, and are files or folders: whoever wrote a list
    must not choose what else is read from the disk, a private file, a device or a pipe.

    Args:
        clips: clips of lists.
        paths: where each is read from. One that does not exist is no error.
        folders: where clips may lie: that of the data set, and those that the user names with `clip_root`.

    Raises:
        ListError: a clip outside all of these folders, or one that is neither a file nor a folder.
    """
    roots = [os.path.realpath(folder) for folder in folders]
    real: dict[Path, str] = {}  # of the folders of clips
    for clip, path in zip(clips, paths, strict=True):
        if not os.path.exists(path):  # noqa: PTH110 (before `realpath`, which asks about each name of a path)
            continue
        if path.parent not in real:
            real[path.parent] = os.path.realpath(path.parent)
        place = os.path.join(real[path.parent], path.name)  # noqa: PTH118 (a `Path` takes as long as all the rest)
        if path.name == ".." or os.path.islink(place):  # noqa: PTH114
            place = os.path.realpath(place)
        if not any(place == root or place.startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            raise ListError(
                f"{clip} leads to {place}, which is not in {' or '.join(map(str, folders))}. If you trust the list, "
                "name the folder of its clips with `clip_root`."
            )
        if not (os.path.isfile(place) or os.path.isdir(place)):  # noqa: PTH112, PTH113
            raise ListError(f"{clip} is neither a file nor a folder, but a device, a pipe or a socket: {place}.")


def reroot(paths: Sequence[str], data_dir: str | Path, where: str = "the list") -> tuple[list[Path], str | None]:
    """
    Maps listed paths, which may be those of another machine, to `data_dir`.

    The longest end of a path that exists below `data_dir` determines the prefix on the other machine. That prefix is
    then replaced in all paths that have it, without another check of the disk. An absolute path that exists is kept.
    What lies outside `data_dir` is for `check_below` to refuse.

    Args:
        paths: paths as they are listed.
        data_dir: folder of the data set.
        where: the list and its first line, for messages.

    Returns:
        one path per listed path, which need not exist, and a sentence on what was replaced, None if nothing was.

    Raises:
        ListError: no such folder, or none of the paths is found.
    """
    data_dir = Path(data_dir)
    if not data_dir.is_dir():
        raise ListError(f"`data_dir` is {data_dir}, but there is no such folder.")
    tree = _Tree(data_dir)
    prefixes = _Prefixes()
    stays = set()  # folders of absolute paths that exist
    rooted, unfound = [Path(path) for path in paths], []

    for number, path in enumerate(rooted):
        parts = path_parts(paths[number])
        if path.parent in stays:
            rooted[number] = on_disk(path, tree.listings)
            continue
        prefix = prefixes.first_of(parts, tree.names)
        if prefix is None and path.is_absolute() and os.path.exists(existing := on_disk(path, tree.listings)):  # noqa: PTH110
            stays.add(path.parent)
            rooted[number] = existing
            continue
        if prefix is None and (place := tree.longest_end(parts)) is not None:
            prefix = prefixes.add(parts[:place])
        if prefix is None:
            unfound.append(number)
        else:
            prefix.count += 1
            rooted[number] = tree.path_of(parts[prefix.length :])
    if len(unfound) == len(paths) > 0:
        raise ListError(
            f"{where}: none of the {len(paths):,} listed clips is below {data_dir}, by its whole path or by any end "
            f"of it. The list has {', '.join(paths[:3])}; the folder has "
            f"{', '.join(sorted(tree.names)[:5]) or 'nothing'}. Name the folder that holds the clips with `data_dir`."
        )
    for number in unfound:  # reported as missing later, at the path where they are expected
        parts = path_parts(paths[number])
        prefix = prefixes.most_frequent_of(parts)
        if prefix is not None or (parts and not is_absolute(parts)):
            rooted[number] = tree.path_of(parts[prefix.length if prefix else 0 :])
    replaced = [f"{name or '/'} ({count:,})" for name, count in prefixes.found() if name is not None]
    if not replaced:
        return rooted, None
    return rooted, f"Paths listed below {name_some(replaced)} are read below {data_dir}."


@dataclass
class _Prefix:
    """
    The beginning of paths on another machine.

    Attributes:
        length: number of its names.
        number: how many prefixes were found before it; None where it is only the beginning of longer ones.
        count: clips that were found with it.
        longer: the prefixes with one more name, by that name.
    """

    length: int = 0
    number: int | None = None
    count: int = 0
    longer: dict[str, "_Prefix"] = field(default_factory=dict)


class _Prefixes:
    """
    The prefixes that were found, as a tree: to look for those of a path takes as long as the path, however many there
    are. The empty prefix is that of paths relative to `data_dir`, not of absolute ones.
    """

    def __init__(self) -> None:
        self._root = _Prefix()
        self._names: list[tuple[list[str], _Prefix]] = []

    def add(self, names: list[str]) -> _Prefix:
        """The prefix of these names, from now on one of those that were found."""
        prefix = self._root
        for name in names:
            prefix = prefix.longer.setdefault(name, _Prefix(prefix.length + 1))
        if prefix.number is None:
            prefix.number = len(self._names)
            self._names.append((names, prefix))
        return prefix

    def first_of(self, parts: list[str], names: set[str]) -> _Prefix | None:
        """The prefix of a path that was found first; of those behind which the path goes on with one of the names."""
        fitting = (prefix for prefix in self._of(parts) if parts[prefix.length] in names)
        return min(fitting, key=lambda prefix: prefix.number or 0, default=None)

    def most_frequent_of(self, parts: list[str]) -> _Prefix | None:
        """The prefix of a path that most clips have; of several that was found first."""
        return min(self._of(parts), key=lambda prefix: (-prefix.count, prefix.number), default=None)

    def found(self) -> Iterator[tuple[str | None, int]]:
        """Each prefix as text, None for the empty one, and the number of its clips."""
        return (("/".join(names) if names else None, prefix.count) for names, prefix in self._names)

    def _of(self, parts: list[str]) -> Iterator[_Prefix]:
        """The prefixes of a path, behind each of which it has at least one more name."""
        prefix = self._root
        if parts and not is_absolute(parts) and prefix.number is not None:
            yield prefix
        for name in parts[:-1]:
            if name not in prefix.longer:
                return
            prefix = prefix.longer[name]
            if prefix.number is not None:
                yield prefix


@dataclass
class _Folder:
    """A folder or file below `data_dir`, and what was asked about in it; None for what is not there."""

    path: Path
    inside: dict[str, "_Folder | None"] = field(default_factory=dict)


class _Tree:
    """
    What is below `data_dir`; the disk is asked about each name in a folder once.

    Attributes:
        names: of what is in `data_dir`, composed.
        listings: as `on_disk` wants them.
    """

    def __init__(self, data_dir: Path):
        self.listings: dict[Path, dict[str, str]] = {}
        self._root = _Folder(data_dir)
        for path in data_dir.iterdir():
            is_lost = path.is_symlink() and not path.exists()
            self._root.inside[nfc(path.name)] = None if is_lost else _Folder(path)
        self.names = set(self._root.inside)

    def path_of(self, names: Sequence[str]) -> Path:
        """The path of these names below `data_dir`."""
        return on_disk(self._root.path.joinpath(*names), self.listings)

    def longest_end(self, parts: list[str]) -> int | None:
        """The place in a path where the longest end of it begins that exists below `data_dir`; None if none does."""
        return next(
            (place for place, name in enumerate(parts) if name in self.names and self._has(parts, place)), None
        )

    def _has(self, parts: list[str], start: int) -> bool:
        folder = self._root
        for place in range(start, len(parts)):
            name = parts[place]
            if name not in folder.inside:
                path = on_disk(folder.path / name, self.listings)
                folder.inside[name] = _Folder(path) if os.path.exists(path) else None  # noqa: PTH110
            inside = folder.inside[name]
            if inside is None:
                return False
            folder = inside
        return True
