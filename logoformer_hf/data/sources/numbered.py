"""What data sets have in common whose clips are named by numbers, as DFEW and MAFW: their folders, lists and folds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .builder import ClipConfig
from .layouts import find_nearby, has_numbered_clips
from .list_paths import path_parts
from .lists import ClipList, ListedClip, ListError
from .source import ClipOptions, FoldOptions
from .split_folders import find_archive

FOLDS = (1, 2, 3, 4, 5)


@dataclass
class NumberedOptions(FoldOptions, ClipOptions):
    """Command-line options of such a data set; a subclass has its `name`, to be displayed."""

    name: ClassVar[str]
    frames: str | None = field(
        default=None,
        metadata={
            "help": "Folder of the clips of DFEW or MAFW, relative to data_dir, in which each clip is named by its "
            "number; by default the first of the usual ones that exists."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None and self.list_file is None:
            raise ValueError(f"{self.name} is tested by fold: give `fold` 1 to {len(self.fold_numbers())}, or 'all'.")
        if self.fold == "all" and self.list_file is not None:
            raise ValueError("`fold` is 'all', but `list_file` has the lists of one split: start one run per fold.")

    def fold_numbers(self) -> Sequence[int]:
        """1 to 5."""
        return FOLDS


@dataclass
class NumberedConfig(ClipConfig):
    """Arguments of the builder of such a data set besides `data_dir`; `NumberedOptions` describes them."""

    data_set: ClassVar[str]
    fold: int | None = None
    frames: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None and self.list_files is None:
            raise ValueError(
                f"{self.data_set} is tested by fold: give `fold`, 1 to 5, or lists of your own with `list_files`."
            )
        if self.fold is not None and self.fold not in FOLDS:
            raise ValueError(f"`fold` is {self.fold!r}; it must be one of {', '.join(map(str, FOLDS))}.")
        self.name = "lists" if self.fold is None else f"fold-{self.fold}"


def clip_number(clip: ListedClip, dataset: str) -> int:
    """The number of a clip, which is the last name of its path in every list: `2522`, `…/02522`, `02522.mp4`."""
    name = path_parts(clip.path)[-1].split(".")[0]
    if not name.isdecimal():
        raise ListError(f"{clip}: a clip of {dataset} is named by its number, as 02522.")
    return int(name)


def choose_clip_folder(
    data_dir: Path, frames: str | None, listed: ClipList, usual: tuple[str, ...]
) -> tuple[Path, str]:
    """
    The folder of the clips, and a sentence about the choice.

    Args:
        data_dir: folder of the data set.
        frames: the folder that the user names, or None.
        listed: one of the lists; its paths may name the folder.
        usual: names of folders, the best first.

    Raises:
        FileNotFoundError: none of them has clips.
    """
    if frames is not None:
        folder = find_nearby(data_dir, frames)
        if folder is None or not has_numbered_clips(folder):
            raise FileNotFoundError(
                f"`frames` is {frames!r}, but {'there is no such folder' if folder is None else 'no clip is'} in "
                f"{folder or data_dir}. Name a folder that has clips named by their numbers, as 02522 or 02522.mp4."
            )
        return folder, f"Clips are read from {folder}, as given by `frames`."
    in_lists = path_parts(listed.clips[0].path)[-2:-1]  # the folder that the list names, where it has paths
    near = [find_nearby(data_dir, name) for name in (*usual, *in_lists)]
    # First `data_dir` itself, whatever its name is.
    found = list(dict.fromkeys(folder for folder in (data_dir, *near) if folder and has_numbered_clips(folder)))
    if not found:
        archive = find_archive(data_dir)
        unpack = f" An archive is here: unpack {archive}." if archive else ""
        raise FileNotFoundError(
            f"{data_dir}: there are no clips here, one folder below or one above: none of {', '.join(usual)} "
            f"with clips named by their numbers. Name the folder that has them with `frames`.{unpack}"
        )
    folder = next((folder for folder in found if folder.name in in_lists), found[0])
    others = ", ".join(str(other) for other in found if other != folder)
    return folder, f"Clips are read from {folder}." + (
        f" There are others in {others}; choose with `frames`." if others else ""
    )
