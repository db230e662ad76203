"""DFEW with its official annotation and folds, or with the lists of other code.

X. Jiang et al., *DFEW: A Large-Scale Database for Recognizing Dynamic Facial Expressions in the Wild*, ACM MM 2020:
16,372 clips, 11,697 of them with a single label; five folds, every clip is tested in one. Redistribution is forbidden.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datasets import Value

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import name_some
from ..terms import DataTerms
from .builder import ClipBuilder, SourcePlan, read_split_lists
from .inventory import PlannedClip
from .layouts import find_nearby, numbered_clips
from .list_paths import check_below
from .lists import ClipList, ListedClip, name_lists, read_lists
from .numbered import FOLDS, NumberedConfig, NumberedOptions, choose_clip_folder, clip_number
from .source import ClipSource, Source

NUM_CLIPS = 11_697  # clips with a single label; each is in every fold, either in train or in test
NUM_TRAIN_FOLD_1, NUM_TEST_FOLD_1 = 9_356, 2_341

ANNOTATION = "EmoLabel_DataSplit"
# Folders of the lists, and the lists of a fold to train on and to test on in them: as the authors give them out, as
# other code renamed them, and as the authors' own code has them.
ANNOTATIONS = (
    (ANNOTATION, "train(single-labeled)/set_{}.csv", "test(single-labeled)/set_{}.csv"),
    (ANNOTATION, "train(single-labeled)/train_set_{}.csv", "test(single-labeled)/test_set_{}.csv"),
    *((name, "single_trainset_{}.csv", "single_testset_{}.csv") for name in ("single_label/label", "label")),
)
# Usual folders of the clips, of which the first one that exists is used: all frames of each clip, 16 frames of each
# clip, frames that users have cropped themselves, and the videos, which take longest to read.
CLIP_FOLDERS = (
    *("Clip/jpg_256", "Clip/clip_224x224_16f", "DFEW_Face"),
    *("single_label/data", "Clip/original", "data"),
)


@dataclass
class DFEWOptions(NumberedOptions):
    """Command-line options of DFEW."""

    name: ClassVar[str] = "DFEW"


@dataclass
class DFEWConfig(NumberedConfig):
    """Arguments of `DFEW` besides `data_dir`; `DFEWOptions` describes them."""

    data_set: ClassVar[str] = "DFEW"


class DFEW(ClipBuilder):
    """
    One fold of DFEW: `DFEW(data_dir, fold=3).load()`. `ClipBuilder` describes the other arguments and the errors.

    The official annotation, in one of the layouts `ANNOTATIONS`, and one of `CLIP_FOLDERS` are found in `data_dir`,
    one folder below or one above. `clip_id` is the number of the clip in five digits. The column `fold` is the fold
    that tests the clip, None unless all five official test lists exist.
    """

    BUILDER_CONFIG_CLASS = DFEWConfig

    def plan(self) -> SourcePlan:
        """Lists the clips of the fold, or of `list_files`, with the path of each."""
        train, test, official_tests = self._read_lists()
        folder, folder_note = choose_clip_folder(self.data_dir, self.config.frames, train, CLIP_FOLDERS)
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
        annotation = _find_annotation(self.data_dir)
        train_files, test_files = annotation or ({}, {})
        there = [fold for fold, file in test_files.items() if file.is_file()]
        if self.config.list_files is not None:
            tests = read_lists([test_files[fold] for fold in there], official=True)
            official = {_number(clip): clip.label for part in tests for clip in part.clips}
            train, test = read_split_lists(self.config, lambda clip: official.get(_number(clip)))
            return train, test, dict(zip(there, tests, strict=True))
        if annotation is None:
            raise FileNotFoundError(
                f"{self.data_dir}: there is no {ANNOTATION} here, one folder below or one above, and no "
                "single_label/label. Name the folder of DFEW with `data_dir`, or lists of your own with `list_files`."
            )
        needed = sorted({*there, self.config.fold})
        train_file = train_files[self.config.fold]
        # Read together, so that a clip with another label in another fold is detected.
        files = [train_file, *(test_files[fold] for fold in needed)]
        train, *tests = read_lists(files, self.config.label_map, official=True)
        official_tests = dict(zip(needed, tests, strict=True))
        return train, official_tests[self.config.fold], official_tests


def _number(clip: ListedClip) -> int:
    return clip_number(clip, "DFEW")


def _find_annotation(data_dir: Path) -> tuple[dict[int, Path], dict[int, Path]] | None:
    """
    The lists to train on and to test on, by fold, in the first layout that has one; where only the official folder is
    there, those that it should have. None where there is no annotation.
    """
    official = None
    for name, train, test in ANNOTATIONS:
        folder = find_nearby(data_dir, name)
        if folder is None:
            continue
        trains, tests = ({fold: folder / part.format(fold) for fold in FOLDS} for part in (train, test))
        if any(file.is_file() for file in (*trains.values(), *tests.values())):
            return trains, tests
        if name == ANNOTATION:
            official = official or (trains, tests)
    return official


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
    terms=DataTerms(
        "DFEW", "dfew-non-commercial-research", "https://dfew-dataset.github.io/download.html", covers_derived=True
    ),
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
