"""Maps the paths in lists, which are often those of another machine, to the user's folder."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..labels import nfc
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
        if path.parent not in real:
            real[path.parent] = os.path.realpath(path.parent)
        place = os.path.join(real[path.parent], path.name)  # noqa: PTH118 (a `Path` takes as long as all the rest)
        if path.name == ".." or os.path.islink(place):  # noqa: PTH114
            place = os.path.realpath(place)
        if not os.path.exists(place):  # noqa: PTH110
            continue
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
    names = {nfc(entry.name) for entry in data_dir.iterdir()}
    listings: dict[Path, dict[str, str]] = {}
    prefixes: Counter[tuple[str, ...]] = Counter()  # with the number of clips found for each
    stays = set()  # folders of absolute paths that exist
    rooted, unfound = [Path(path) for path in paths], []

    def below(names: Sequence[str]) -> Path:
        return on_disk(data_dir.joinpath(*names), listings)

    for number, path in enumerate(rooted):
        parts = path_parts(paths[number])
        if path.parent in stays:
            rooted[number] = on_disk(path, listings)
            continue
        prefix = next((p for p in prefixes if _is_behind(p, parts) and parts[len(p)] in names), None)
        if prefix is None and path.is_absolute() and os.path.exists(existing := on_disk(path, listings)):  # noqa: PTH110
            stays.add(path.parent)
            rooted[number] = existing
            continue
        if prefix is None:
            prefix = next((tuple(parts[:n]) for n in _places(parts, names) if os.path.exists(below(parts[n:]))), None)  # noqa: PTH110
        if prefix is None:
            unfound.append(number)
        else:
            prefixes[prefix] += 1
            rooted[number] = below(parts[len(prefix) :])
    if len(unfound) == len(paths) > 0:
        raise ListError(
            f"{where}: none of the {len(paths):,} listed clips is below {data_dir}, by its whole path or by any end "
            f"of it. The list has {', '.join(paths[:3])}; the folder has {', '.join(sorted(names)[:5]) or 'nothing'}. "
            "Name the folder that holds the clips with `data_dir`."
        )
    for number in unfound:  # reported as missing later, at the path where they are expected
        parts = path_parts(paths[number])
        prefix = next((p for p, _ in prefixes.most_common() if _is_behind(p, parts)), ())
        if _is_behind(prefix, parts):
            rooted[number] = below(parts[len(prefix) :])
    replaced = [f"{'/'.join(prefix) or '/'} ({count:,})" for prefix, count in prefixes.items() if prefix]
    if not replaced:
        return rooted, None
    return rooted, f"Paths listed below {', '.join(replaced)} are read below {data_dir}."


def _is_behind(prefix: tuple[str, ...], parts: list[str]) -> bool:
    """Whether a path has a prefix. The empty prefix is that of paths relative to `data_dir`, not of absolute ones."""
    if is_absolute(parts) and not prefix:
        return False
    return len(parts) > len(prefix) and tuple(parts[: len(prefix)]) == prefix


def _places(parts: list[str], names: set[str]) -> Iterator[int]:
    """The places in a path of the names that `data_dir` has; what begins there may be the path below it."""
    return (place for place, name in enumerate(parts) if name in names)
