"""CREMA-D, acted by 91 people: labels from the names of the files, folds by actor.

H. Cao et al., *CREMA-D: Crowd-Sourced Emotional Multimodal Actors Dataset*, IEEE Transactions on Affective Computing
2014: 7,442 clips of six expressions. The folds are those of MAE-DFER's lists.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Value

from ..facts import DataFacts
from ..problems import name_some
from ..published import HumanScores
from ..rows import PERSON
from ..terms import ODBL, DataTerms
from .builder import ClipBuilder, ClipConfig, SourcePlan
from .crema_d_tables import ACTORS_FILE, NOBODY, VOTES_FILE, Actor, find_table, read_actors, read_face_votes
from .inventory import PlannedClip
from .performances import (
    Performances,
    check_once,
    describe_missing,
    index_performances,
    missing_parts,
)
from .source import CheckOptions, ClipSource, FoldOptions, Source

_LAST_ACTORS = (1018, 1036, 1054, 1072, 1091)  # of the tested actors of each fold
_FIRST_ACTOR = 1001
CLASSES = ("happy", "sad", "neutral", "angry", "disgust", "fear")
_CLASS_OF = {"HAP": "happy", "SAD": "sad", "NEU": "neutral", "ANG": "angry", "DIS": "disgust", "FEA": "fear"}
_SENTENCES = ("DFA", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")  # without an intensity
_GRADED = "IEO"  # the sentence that was spoken with three intensities
_INTENSITIES = {"low": "LO", "medium": "MD", "high": "HI", "unspecified": "XX"}
# What was never recorded or given out.
_ABSENT = ("1002_TIE_NEU", "1008_WSI", "1009_MTI", "1019_ITH", "1076_ITS_NEU")
LABELS_FROM = ("intended", "face_vote")
_REPOSITORY = "https://github.com/CheyneyComputerScience/CREMA-D"


@dataclass
class CremaDOptions(FoldOptions, CheckOptions):
    """Command-line options of CREMA-D."""

    labels_from: str = field(
        default="intended",
        metadata={
            "help": "Labels of CREMA-D: 'intended', what the actor was asked for, or 'face_vote', what most people "
            "saw in the face alone; clips without such a majority are then left out.",
            "choices": list(LABELS_FROM),
        },
    )
    intensities: list[str] | None = field(
        default=None,
        metadata={
            "help": f"Use only clips of CREMA-D with these intensities: {', '.join(_INTENSITIES)}; by default all. "
            "Most clips, and all neutral ones, are unspecified.",
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None:
            raise ValueError("CREMA-D is tested by fold: give `fold` 1 to 5, or 'all'.")
        check_choices(self.labels_from, self.intensities)

    def fold_numbers(self) -> Sequence[int]:
        """1 to 5."""
        return range(1, len(_LAST_ACTORS) + 1)


def check_choices(labels_from: str, intensities: Sequence[str] | None) -> None:
    """Raises a ValueError for labels or intensities that CREMA-D does not have."""
    if labels_from not in LABELS_FROM:
        raise ValueError(f"`labels_from` is {labels_from!r}; it must be {' or '.join(map(repr, LABELS_FROM))}.")
    if unknown := [name for name in intensities or () if name not in _INTENSITIES]:
        raise ValueError(f"`intensities` has {unknown[0]!r}; it must be some of {', '.join(_INTENSITIES)}.")
    if intensities is not None and not intensities:
        raise ValueError(f"`intensities` is empty; it must be some of {', '.join(_INTENSITIES)}.")


@dataclass
class CremaDConfig(ClipConfig):
    """Arguments of `CremaD` besides `data_dir`; `CremaDOptions` describes them."""

    fold: int = 1
    labels_from: str = "intended"
    intensities: list[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold not in range(1, len(_LAST_ACTORS) + 1):
            raise ValueError(f"`fold` is {self.fold!r}; it must be 1 to {len(_LAST_ACTORS)}.")
        check_choices(self.labels_from, self.intensities)
        self.name = f"fold-{self.fold}"


class CremaD(ClipBuilder):
    """
    One fold of CREMA-D: `CremaD(data_dir, fold=3).load()`. `ClipBuilder` describes the other arguments and the errors.

    Videos, or folders of frames, are found in `data_dir` and in folders below by their names, as `1001_DFA_ANG_XX`,
    which are the `clip_id`. The columns `fold` and `identity` are the fold that tests the clip and the actor's number;
    `sex`, `age_group` and `race` come from `VideoDemographics.csv`, where it is there.
    """

    BUILDER_CONFIG_CLASS = CremaDConfig
    MUST_BE_WHOLE = True

    def plan(self) -> SourcePlan:
        """Lists the clips of the fold, with the path of each."""
        found = index_performances(self.data_dir, "crema_d")
        expected = list(all_names())
        paths = check_once(found, expected)
        _check_videos(found)
        if self.config.on_problem == "stop":
            _check_missing(found, expected, paths)
        notes = [f"{self.data_dir}: {len(paths):,} of the {len(expected):,} clips of CREMA-D."]
        if strange := sorted(found.paths.keys() - set(expected)):
            notes.append(f"Left out, as CREMA-D does not have them: {name_some(strange)}.")
        people, files = _read_people(self.data_dir, {name[:4] for name in paths}, notes)
        label_of = {name: _CLASS_OF[name[9:12]] for name in expected}
        if self.config.labels_from == "face_vote":
            label_of, votes_file = _face_labels(self.data_dir, expected, notes)
            files.append(votes_file)
        kinds = [_INTENSITIES[name] for name in self.config.intensities or _INTENSITIES]
        somewhere = next(iter(paths.values()))
        clips = []
        for name in expected:
            if name not in label_of or name[13:] not in kinds:
                continue
            fold, actor = fold_of(name), people.get(name[:4], NOBODY)
            path = paths.get(name, somewhere.with_name(name + somewhere.suffix))
            known = {"sex": actor.sex, "age_group": actor.age_group, "race": actor.race}
            split = "test" if fold == self.config.fold else "train"
            clips.append(PlannedClip(name, split, path, label_of[name], {"fold": fold, PERSON: name[:4]} | known))
        texts = dict.fromkeys((PERSON, "sex", "age_group", "race"), Value("string"))
        counts = Counter(clip.label for clip in clips)
        present = [label for label in CLASSES if counts[label]]
        notes.append(f"Listed by class: {', '.join(f'{counts[label]:,} {label}' for label in present)}.")
        return SourcePlan(clips, present, files, notes, {"fold": Value("int32")} | texts)


def all_names() -> Iterator[str]:
    """The names of all clips, in their order: 12 sentences of 91 actors without those that were never given out."""
    for actor in range(_FIRST_ACTOR, _LAST_ACTORS[-1] + 1):
        for sentence in sorted((*_SENTENCES, _GRADED)):
            for emotion in sorted(_CLASS_OF):
                is_graded = sentence == _GRADED and emotion != "NEU"
                for kind in ("HI", "LO", "MD") if is_graded else ("XX",):
                    name = f"{actor}_{sentence}_{emotion}_{kind}"
                    if not name.startswith(_ABSENT):
                        yield name


def fold_of(name: str) -> int:
    """The fold that tests a clip, 1 to 5."""
    actor = int(name[:4])
    return next(fold for fold, last in enumerate(_LAST_ACTORS, start=1) if actor <= last)


def _check_videos(found: Performances) -> None:
    """Raises a ValueError where videos are pointers of Git LFS."""
    if found.pointers:
        folder = found.paths[found.pointers[0]][0].parent
        raise ValueError(
            f"{len(found.pointers):,} of {len(found.paths):,} videos are pointers of Git LFS, texts of 130 bytes, as "
            f"{found.pointers[0]}: {_how_to_fetch(folder)}"
        )


def _check_missing(found: Performances, expected: Sequence[str], paths: dict[str, Path]) -> None:
    """Raises a FileNotFoundError where clips are missing."""
    actors, names = missing_parts(expected, paths, lambda name: name[:4])
    if not (actors or names):
        return
    unfinished = f" Unfinished downloads are there, as {found.unfinished[0].name}." if found.unfinished else ""
    folder = next(iter(paths.values())).parent if paths else found.folder
    how = _how_to_fetch(folder)
    raise FileNotFoundError(
        f"{found.folder}: of the {len(expected):,} clips of CREMA-D {len(paths):,} are there; "
        f"{describe_missing(actors, names, 'actor')} are missing.{unfinished} {how[0].upper()}{how[1:]} Or leave "
        "missing clips out with `on_problem` skip; results are then for the others only."
    )


def _how_to_fetch(folder: Path) -> str:
    """The command that fetches the videos: of a clone those that are missing, otherwise all."""
    clone = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    if clone is not None:
        where = shlex.quote(str(clone))
        return (
            f'install Git LFS, then run `git -C {where} lfs pull --include "VideoFlash/*"` and `git -C {where} '
            "checkout -- VideoFlash`."
        )
    return f"clone it with Git LFS installed: `git clone {_REPOSITORY}` (a zip of the page has no videos)."


def _read_people(data_dir: Path, actors: set[str], notes: list[str]) -> tuple[dict[str, Actor], list[Path]]:
    file = find_table(data_dir, ACTORS_FILE)
    if file is None:
        notes.append(f"There is no {ACTORS_FILE}: reports will not be divided by sex, age and race.")
        return {}, []
    return read_actors(file, actors), [file]


def _face_labels(data_dir: Path, names: Sequence[str], notes: list[str]) -> tuple[dict[str, str], Path]:
    """The class of each clip that most people saw in the face, and the table it is from."""
    file = find_table(data_dir, VOTES_FILE)
    if file is None:
        raise FileNotFoundError(
            f"{data_dir}: there is no {VOTES_FILE} here, one folder below or one above, which `labels_from` face_vote "
            f"needs: fetch it, by `curl -L --create-dirs -o {shlex.quote(str(data_dir / VOTES_FILE))} "
            f"{_REPOSITORY}/raw/master/{VOTES_FILE}`."
        )
    votes = read_face_votes(file, names)
    ties = [name for name in names if len(votes.get(name, ())) > 1]
    missing = [name for name in names if name not in votes]
    notes.append(
        f"Labels are what most people saw in the face alone ({file}). Left out: {len(ties):,} clips with a tie and "
        f"{len(missing):,} without a vote."
    )
    return {name: voted[0] for name, voted in votes.items() if len(voted) == 1}, file


def load(options: CremaDOptions, fold: int | None, cache_dir: str | None) -> Source:
    """One fold of CREMA-D. Raises the errors of `ClipBuilder`."""
    assert fold is not None  # `CremaDOptions` requires one
    arguments = {"labels_from": options.labels_from, "intensities": options.intensities}
    builder = CremaD(cache_dir=cache_dir, fold=fold, **arguments | CremaD.arguments_from(options))
    parts = ["labels by face vote"] if options.labels_from == "face_vote" else []
    if options.intensities is not None:
        chosen = [name for name in _INTENSITIES if name in options.intensities]
        parts.append(f"intensities {', '.join(chosen)}")
    return builder.gather(DataFacts("crema_d", "CREMA-D", num_folds=len(_LAST_ACTORS), setup=", ".join(parts) or None))


SOURCE = ClipSource(
    name="crema_d",
    title="CREMA-D, acted, by its folds of actors",
    options=CremaDOptions,
    load=load,
    terms=DataTerms(
        "CREMA-D",
        "odbl",
        _REPOSITORY,
        ODBL,
        'H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, "CREMA-D: Crowd-sourced Emotional '
        'Multimodal Actors Dataset", IEEE Transactions on Affective Computing 5(4), 2014',
    ),
    columns={
        "fold": "number of the fold that tests the clip",
        PERSON: "number of the actor",
        "sex": "sex of the actor, as the data set gives it",
        "age_group": "age of the actor in years",
        "race": "race of the actor, as the data set gives it",
    },
    limits=(
        "**Acted, in a studio.** The clips of CREMA-D are of 91 actors who speak given sentences with a given "
        "emotion, from the front and well lit. By default the label is what an actor was asked for. People who saw "
        "the face alone found it in 69 % of the clips on average over the classes, in 36 % of the sad ones "
        f"([its authors' page]({_REPOSITORY})).",
        "**Its people.** 48 men and 43 women of 20 to 74 years; 61 are given as Caucasian, 22 as African American, 7 "
        "as Asian. Results by group are in the report; with few people in a group they say little.",
    ),
    classes=CLASSES,
    human=HumanScores(
        "People who saw the face alone, without the voice, were asked for one of six emotions; over all 7,442 clips. "
        "The majority for each clip counts as one answer, ties shared.",
        69.1,
        {"happy": 96.1, "sad": 36.0, "neutral": 93.3, "angry": 68.5, "disgust": 66.1, "fear": 54.6},
    ),
    shows_shoulders=True,
)
