"""MAFW with its official lists and folds, or with the lists of other code.

Y. Liu et al., *MAFW: A Large-scale, Multi-modal, Compound Affective Database for Dynamic Facial Expression Recognition
in the Wild*, ACM MM 2022: 10,045 clips, 9,172 of them with a single label of eleven classes; five folds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datasets import Value

from ..facts import DataFacts
from ..problems import name_some
from ..terms import ON_APPLICATION, DataTerms
from .builder import ClipBuilder, SourcePlan
from .inventory import PlannedClip
from .layouts import find_nearby, is_file, numbered_clips
from .list_paths import check_below
from .lists import ClipList, ListedClip, name_lists
from .mafw_lists import CLASSES, read_mafw_lists
from .numbered import FOLDS, NumberedConfig, NumberedOptions, choose_clip_folder, clip_number
from .source import ClipSource, Source

NUM_TESTED = (1_839, 1_837, 1_833, 1_832, 1_831)  # clips that each fold tests
ANNOTATIONS = (
    *("split/single/no_caption", "Train & Test Set/single/no_caption", "anno/single/no_caption"),
    *("single/no_caption", "label/no_caption", "no_caption"),
)
CLIP_FOLDERS = (
    *("data/frames", "frames", "data/frames/frames_crop_align_224", "frames_crop_align_224"),
    *("data/clips", "clips"),
)


@dataclass
class MAFWOptions(NumberedOptions):
    """Command-line options of MAFW."""

    name: ClassVar[str] = "MAFW"


@dataclass
class MAFWConfig(NumberedConfig):
    """Arguments of `MAFW` besides `data_dir`; `MAFWOptions` describes them."""

    data_set: ClassVar[str] = "MAFW"


class MAFW(ClipBuilder):
    """
    One fold of MAFW: `MAFW(data_dir, fold=3).load()`. `ClipBuilder` describes the other arguments and the errors.

    The lists, in one of `ANNOTATIONS`, and one of `CLIP_FOLDERS` are found in `data_dir`, one folder below or one
    above. `clip_id` is the number of the clip in five digits. The column `fold` is the fold that tests the clip, None
    unless all five test lists are there.
    """

    BUILDER_CONFIG_CLASS = MAFWConfig

    def plan(self) -> SourcePlan:
        """Lists the clips of the fold, or of `list_files`, with the path of each."""
        train, test, tests = self._read_lists()
        folder, folder_note = choose_clip_folder(self.data_dir, self.config.frames, train, CLIP_FOLDERS)
        on_disk = numbered_clips(folder)
        tested_in = {}
        if len(tests) == len(FOLDS):
            tested_in = {_number(clip): fold for fold, part in tests.items() for clip in part.clips}
        clips = []
        for split, part in (("train", train), ("test", test)):
            for listed in part.clips:
                number = _number(listed)
                path = on_disk.get(number, folder / f"{number:05d}")
                extra = {"fold": tested_in.get(number)}
                clips.append(PlannedClip(f"{number:05d}", split, path, listed.label, extra))
        listed_clips = [*train.clips, *test.clips]
        check_below(listed_clips, [clip.path for clip in clips], [folder, *(self.config.clip_root or ())])
        notes = [train.description, test.description, folder_note, *_compare_counts(tests, listed_clips)]
        files = list(dict.fromkeys(part.file for part in (train, test, *tests.values())))
        return SourcePlan(clips, list(CLASSES), files, notes, {"fold": Value("int32")})

    def _read_lists(self) -> tuple[ClipList, ClipList, dict[int, ClipList]]:
        """The lists to train on and to test on, and the official test lists that exist, by fold."""
        trains, tests = _find_annotation(self.data_dir)
        there = [fold for fold in FOLDS if fold in tests]
        own = self.config.list_files
        if own is not None:
            if len(own) != 2:
                raise ValueError(
                    f"`list_files` has {len(own)} lists, but must have two: one to train on, and one to test on."
                )
            known = _known_classes([tests[fold] for fold in there])
            train, test = read_mafw_lists(own, self.config.label_map, known)
            return train, test, {}
        fold = self.config.fold
        if missing := [split for split, files in (("train", trains), ("test", tests)) if fold not in files]:
            raise FileNotFoundError(
                f"{self.data_dir}: there is no {' and no '.join(missing)} list of fold {fold}, as "
                f"{ANNOTATIONS[0]}/set_{fold}/train.txt, here, one folder below or one above. Name the folder of MAFW "
                "with `data_dir`, or lists of your own with `list_files`."
            )
        # Read together, so that a clip with another label in another fold is detected.
        train, *official = read_mafw_lists([trains[fold], *(tests[each] for each in there)], self.config.label_map)
        by_fold = dict(zip(there, official, strict=True))
        return train, by_fold[fold], by_fold


def _number(clip: ListedClip) -> int:
    return clip_number(clip, "MAFW")


def _find_annotation(data_dir: Path) -> tuple[dict[int, Path], dict[int, Path]]:
    """The lists to train on and to test on that exist, by fold."""
    for name in ANNOTATIONS:
        folder = find_nearby(data_dir, name)
        if folder is None:
            continue
        trains, tests = (
            {
                fold: file
                for fold in FOLDS
                for ending in ("csv", "txt")  # the last one counts: the official one, which has names
                if is_file(file := folder / f"set_{fold}" / f"{split}.{ending}")
            }
            for split in ("train", "test")
        )
        if trains or tests:
            return trains, tests
    return {}, {}


def _known_classes(files: Sequence[Path]) -> dict[int, str]:
    """Classes of clips in official lists with names; none where these have numbers, too."""
    named = [file for file in files if file.suffix == ".txt"]
    lists = read_mafw_lists(named, None) if named else []
    return {_number(clip): clip.label for part in lists for clip in part.clips}


def _compare_counts(tests: dict[int, ClipList], listed: Sequence[ListedClip]) -> list[str]:
    """Sentences on how the lists differ from the published data set."""
    notes = [
        f"The test list of fold {fold} has {len(part.clips):,} clips; published are {NUM_TESTED[fold - 1]:,}."
        for fold, part in tests.items()
        if len(part.clips) != NUM_TESTED[fold - 1]
    ]
    times = Counter(_number(clip) for part in tests.values() for clip in part.clips)
    if len(tests) == len(FOLDS):
        untested = {_number(clip) for clip in listed} - times.keys()
        for sentence, numbers in (
            ("are tested in more than one fold", [number for number, count in times.items() if count > 1]),
            ("are in these lists, but tested in no fold", untested),
        ):
            if numbers:
                notes.append(f"{len(numbers):,} clips {sentence}: {name_some(f'{n:05d}' for n in sorted(numbers))}.")
    elif tests:
        absent = ", ".join(str(fold) for fold in FOLDS if fold not in tests)
        notes.append(
            f"The test lists of fold {absent} do not exist: it is not known in which fold each clip is tested."
        )
    return notes


def load(options: MAFWOptions, fold: int | None, cache_dir: str | None) -> Source:
    """One fold of MAFW, or with `fold` None the lists of the options. Raises the errors of `ClipBuilder`."""
    builder = MAFW(cache_dir=cache_dir, fold=fold, frames=options.frames, **MAFW.arguments_from(options))
    num_folds = None if fold is None else len(FOLDS)
    return builder.gather(DataFacts("mafw", "MAFW", num_folds=num_folds, setup=name_lists(options.list_file)))


SOURCE = ClipSource(
    name="mafw",
    title="MAFW by its folds, eleven classes",
    options=MAFWOptions,
    load=load,
    has_official_split=True,
    terms=DataTerms(
        "MAFW", "mafw-non-commercial-research", "https://mafw-database.github.io/MAFW/", allows=ON_APPLICATION
    ),
    columns={"fold": "number of the fold that tests the clip"},
    limits=(
        "**Acted, or on camera.** The clips of MAFW were collected from videos of many kinds, and labelled by people "
        "who judged what they saw (Liu et al., [MAFW](https://mafw-database.github.io/MAFW/), ACM Multimedia 2022). "
        "What the people in them felt is not recorded.",
        "**Unknown groups.** The lists say nothing of the ages, sexes, skin tones or cultures of the people in the "
        "clips. It is therefore not known for which groups the results above hold.",
    ),
    classes=CLASSES,
)
