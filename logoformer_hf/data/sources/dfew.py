"""DFEW with its official annotation and folds, or with the lists of other code.

X. Jiang et al., *DFEW: A Large-Scale Database for Recognizing Dynamic Facial Expressions in the Wild*, ACM MM 2020:
16,372 clips, 11,697 of them with a single label; five folds, every clip is tested in one. Redistribution is forbidden.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Value

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import name_some
from ..terms import DataTerms
from .builder import ClipBuilder, ClipConfig, SourcePlan, read_split_lists
from .inventory import PlannedClip
from .layouts import find_nearby, has_numbered_clips, numbered_clips
from .list_paths import check_below, path_parts
from .lists import ClipList, ListedClip, ListError, name_lists, read_lists
from .source import ClipOptions, ClipSource, FoldOptions, Source

FOLDS = (1, 2, 3, 4, 5)
NUM_CLIPS = 11_697  # clips with a single label; each is in every fold, either in train or in test
NUM_TRAIN_FOLD_1, NUM_TEST_FOLD_1 = 9_356, 2_341

ANNOTATION = "EmoLabel_DataSplit"
# Usual folders of the clips, of which the first one that exists is used: all frames of each clip, 16 frames of each
# clip, frames that users have cropped themselves, and the videos, which take longest to read.
CLIP_FOLDERS = ("Clip/jpg_256", "Clip/clip_224x224_16f", "DFEW_Face", "Clip/original")


@dataclass
class DFEWOptions(FoldOptions, ClipOptions):
    """Command-line options of DFEW."""

    frames: str | None = field(
        default=None,
        metadata={
            "help": "Folder of the clips, relative to data_dir, in which each clip is named by its number; by default "
            f"the first of {', '.join(CLIP_FOLDERS)} that exists."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None and self.list_file is None:
            raise ValueError("DFEW is tested by fold: give `fold` 1 to 5, or 'all'.")
        if self.fold == "all" and self.list_file is not None:
            raise ValueError("`fold` is 'all', but `list_file` has the lists of one split: start one run per fold.")

    def fold_numbers(self) -> Sequence[int]:
        """1 to 5."""
        return FOLDS


@dataclass
class DFEWConfig(ClipConfig):
    """Arguments of `DFEW` besides `data_dir`; `DFEWOptions` describes them."""

    fold: int | None = None
    frames: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None and self.list_files is None:
            raise ValueError("DFEW is tested by fold: give `fold`, 1 to 5, or lists of your own with `list_files`.")
        if self.fold is not None and self.fold not in FOLDS:
            raise ValueError(f"`fold` is {self.fold!r}; it must be one of {', '.join(map(str, FOLDS))}.")
        self.name = "lists" if self.fold is None else f"fold-{self.fold}"


class DFEW(ClipBuilder):
    """
    One fold of DFEW: `DFEW(data_dir, fold=3).load()`. `ClipBuilder` describes the other arguments and the errors.

    `EmoLabel_DataSplit` (the official annotation) and one of `CLIP_FOLDERS` are found in `data_dir`, one folder below
    or one above. `clip_id` is the number of the clip in five digits. The column `fold` is the fold that tests the
    clip, None unless all five official test lists exist.
    """

    BUILDER_CONFIG_CLASS = DFEWConfig

    def plan(self) -> SourcePlan:
        """Lists the clips of the fold, or of `list_files`, with the path of each."""
        train, test, official_tests = self._read_lists()
        folder, folder_note = _choose_clip_folder(self.data_dir, self.config.frames, train)
        on_disk = numbered_clips(folder)
        tested_in = {}
        if len(official_tests) == len(FOLDS):
            tested_in = {_number(clip): fold for fold, part in official_tests.items() for clip in part.clips}
        clips = []
        for split, part in (("train", train), ("test", test)):
            for listed in part.clips:
                number = _number(listed)
                clip_id = f"{number:05d}"
                path = on_disk.get(number, folder / clip_id)
                clips.append(PlannedClip(clip_id, split, path, listed.label, {"fold": tested_in.get(number)}))
        check_below(
            [*train.clips, *test.clips], [clip.path for clip in clips], [folder, *(self.config.clip_root or ())]
        )
        notes = [train.description, test.description, folder_note]
        notes += _compare_counts(self.config.fold, train, test, official_tests)
        files = list(dict.fromkeys(part.file for part in (train, test, *official_tests.values())))
        return SourcePlan(clips, list(EXPRESSIONS), files, notes, {"fold": Value("int32")})

    def _read_lists(self) -> tuple[ClipList, ClipList, dict[int, ClipList]]:
        """The lists to train on and to test on, and the official test lists that exist, by fold."""
        annotation = find_nearby(self.data_dir, ANNOTATION)
        test_files = {}
        if annotation is not None:
            test_files = {fold: annotation / "test(single-labeled)" / f"set_{fold}.csv" for fold in FOLDS}
        there = [fold for fold, file in test_files.items() if file.is_file()]
        if self.config.list_files is not None:
            tests = read_lists([test_files[fold] for fold in there], official=True)
            official = {_number(clip): clip.label for part in tests for clip in part.clips}
            train, test = read_split_lists(self.config, lambda clip: official.get(_number(clip)))
            return train, test, dict(zip(there, tests, strict=True))
        if annotation is None:
            raise FileNotFoundError(
                f"{self.data_dir}: there is no {ANNOTATION} here, one folder below or one above. Name the folder of "
                "DFEW with `data_dir`, or lists of your own with `list_files`."
            )
        needed = sorted({*there, self.config.fold})
        train_file = annotation / "train(single-labeled)" / f"set_{self.config.fold}.csv"
        # Read together, so that a clip with another label in another fold is detected.
        files = [train_file, *(test_files[fold] for fold in needed)]
        train, *tests = read_lists(files, self.config.label_map, official=True)
        official_tests = dict(zip(needed, tests, strict=True))
        return train, official_tests[self.config.fold], official_tests


def _number(clip: ListedClip) -> int:
    """The number of a clip, which is the last name of its path in every list: `2522`, `…/02522`, `02522.mp4`."""
    name = path_parts(clip.path)[-1].split(".")[0]
    if not name.isdecimal():
        raise ListError(f"{clip}: a clip of DFEW is named by its number, as 02522.")
    return int(name)


def _choose_clip_folder(data_dir: Path, frames: str | None, listed: ClipList) -> tuple[Path, str]:
    """The folder of the clips, and a sentence about the choice."""
    if frames is not None:
        folder = find_nearby(data_dir, frames)
        if folder is None or not has_numbered_clips(folder):
            raise FileNotFoundError(
                f"`frames` is {frames!r}, but {'there is no such folder' if folder is None else 'no clip is'} in "
                f"{folder or data_dir}. Name a folder that has clips named by their numbers, as 02522 or 02522.mp4."
            )
        return folder, f"Clips are read from {folder}, as given by `frames`."
    in_lists = path_parts(listed.clips[0].path)[-2:-1]  # the folder that the list names, where it has paths
    near = [find_nearby(data_dir, name) for name in (*CLIP_FOLDERS, *in_lists)]
    # First `data_dir` itself, whatever its name is.
    found = list(dict.fromkeys(folder for folder in (data_dir, *near) if folder and has_numbered_clips(folder)))
    if not found:
        raise FileNotFoundError(
            f"{data_dir}: there are no clips here, one folder below or one above: none of {', '.join(CLIP_FOLDERS)} "
            "with clips named by their numbers. Name the folder that has them with `frames`."
        )
    folder = next((folder for folder in found if folder.name in in_lists), found[0])
    others = ", ".join(str(other) for other in found if other != folder)
    return folder, f"Clips are read from {folder}." + (
        f" There are others in {others}; choose with `frames`." if others else ""
    )


def _compare_counts(
    fold: int | None, train: ClipList, test: ClipList, official_tests: dict[int, ClipList]
) -> list[str]:
    """Sentences on how the lists differ from the published data set, and in which clips."""
    notes = []
    listed = {_number(clip) for part in (train, test) for clip in part.clips}
    times_tested = Counter(_number(clip) for part in official_tests.values() for clip in part.clips)
    published = {"clips": (len(listed), NUM_CLIPS)}
    if fold == 1:
        published["clips to train on"] = (len(train.clips), NUM_TRAIN_FOLD_1)
        published["clips to test"] = (len(test.clips), NUM_TEST_FOLD_1)
    for what, (count, expected) in published.items():
        if count != expected:
            notes.append(f"The lists have {count:,} {what}; published are {expected:,}.")
    if absent := [fold for fold in FOLDS if fold not in official_tests]:
        notes.append(
            f"The official test lists of fold {', '.join(map(str, absent))} do not exist: it is not known in which "
            "fold each clip is tested."
        )
        return notes
    if len(times_tested) != NUM_CLIPS:
        notes.append(f"The five official test lists have {len(times_tested):,} clips; published are {NUM_CLIPS:,}.")
    tested_elsewhere = set()
    if fold is not None:
        tested_elsewhere = {_number(clip) for clip in test.clips} - {
            _number(clip) for clip in official_tests[fold].clips
        }
    for sentence, numbers in (
        ("are tested in more than one fold", [number for number, times in times_tested.items() if times > 1]),
        ("are tested in some fold, but not in these lists", times_tested.keys() - listed),
        ("are in these lists, but tested in no fold", listed - times_tested.keys()),
        (f"are tested by these lists, but officially not in fold {fold}", tested_elsewhere),
    ):
        if numbers:
            notes.append(f"{len(numbers):,} clips {sentence}: {name_some(f'{n:05d}' for n in sorted(numbers))}.")
    return notes


def load(options: DFEWOptions, fold: int | None, cache_dir: str | None) -> Source:
    """One fold of DFEW, or with `fold` None the lists of the options. Raises the errors of `ClipBuilder`."""
    builder = DFEW(cache_dir=cache_dir, fold=fold, frames=options.frames, **DFEW.arguments_from(options))
    return builder.gather(
        DataFacts("dfew", "DFEW", num_folds=None if fold is None else len(FOLDS), setup=name_lists(options.list_file))
    )


SOURCE = ClipSource(
    name="dfew",
    title="DFEW by its folds",
    options=DFEWOptions,
    load=load,
    has_official_split=True,
    # The page allows non-commercial research only; no portion may be copied, published or distributed, except copies
    # for internal use at a single site of one organisation.
    terms=DataTerms("DFEW", "dfew-non-commercial-research", "https://dfew-dataset.github.io/download.html"),
    columns={"fold": "number of the fold that tests the clip"},
    limits=(
        "**Acted.** The clips of DFEW are from films: people who act, lit and framed for the camera. The "
        "labels are judgements of twelve annotators, ten a clip, of what they saw ([its authors' "
        "page](https://dfew-dataset.github.io/); Jiang et al., [DFEW](https://arxiv.org/abs/2008.05924), ACM "
        "Multimedia 2020). What the people in them felt is not recorded.",
        "**Unknown groups.** That page gives no ages, genders, skin tones or cultures of the people in the clips. "
        "It is therefore not known for which groups the results above hold. Results on children, on old people, and "
        "on people with glasses, a veil or a facial palsy were not measured.",
    ),
    published={  # means of five folds
        "Former-DFER": (53.69, 65.70),
        "STT": (54.58, 66.65),
        "IAL": (55.71, 69.24),
        "M3DFEL": (56.10, 69.25),
        "LOGO-Former": (54.21, 66.98),
        "DFER-CLIP": (59.61, 71.25),
        "VideoMAE-B, VoxCeleb2": (63.60, 74.60),
        "MAE-DFER": (63.41, 74.43),
        "S4D": (66.80, 76.68),
    },
)
