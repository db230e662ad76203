"""RAVDESS, acted by 24 people: labels from the names of the files, folds by actor.

S. R. Livingstone, F. A. Russo, *The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)*, PLoS ONE
2018. Published results are on speech, video only, with eight classes; the folds are those of MAE-DFER's lists.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets import Value

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import name_some
from ..rows import PERSON
from ..terms import CC_BY_NC_SA, DataTerms
from .builder import ClipBuilder, ClipConfig, SourcePlan
from .inventory import PlannedClip
from .performances import (
    Performances,
    check_once,
    describe_missing,
    index_performances,
    missing_parts,
    unpack,
)
from .source import CheckOptions, ClipSource, FoldOptions, Source

NUM_ACTORS, ACTORS_PER_FOLD = 24, 4
NUM_FOLDS = NUM_ACTORS // ACTORS_PER_FOLD
CALM = "calm"
CLASSES = (*EXPRESSIONS, CALM)
_CLASS_OF = {
    "01": "neutral",
    "02": CALM,
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_MODALITIES = {"video": "02", "audio_video": "01"}
_CHANNELS = {"speech": ("01",), "song": ("02",), "both": ("01", "02")}
_CALM_CHOICES = ("keep", "leave_out", "neutral")
_NOT_SUNG = ("07", "08")
_NO_SINGER = 18  # of this actor there are no songs
_RECORD = "https://zenodo.org/records/1188976"


@dataclass
class RavdessOptions(FoldOptions, CheckOptions):
    """Command-line options of RAVDESS."""

    channel: str = field(
        default="speech",
        metadata={
            "help": "Clips of RAVDESS: 'speech', 'song' (without disgust and surprise), or 'both'.",
            "choices": list(_CHANNELS),
        },
    )
    modality: str = field(
        default="video",
        metadata={
            "help": "Files of RAVDESS: those with 'video' alone (02-...) or with 'audio_video' (01-...). Both show "
            "the same performances, so only one of them is used.",
            "choices": list(_MODALITIES),
        },
    )
    calm: str = field(
        default="keep",
        metadata={
            "help": "The class calm of RAVDESS: 'keep' it, 'leave_out' its clips, or count them as 'neutral'.",
            "choices": list(_CALM_CHOICES),
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is None:
            raise ValueError(f"RAVDESS is tested by fold: give `fold` 1 to {NUM_FOLDS}, or 'all'.")
        check_choices(self.channel, self.modality, self.calm)

    def fold_numbers(self) -> Sequence[int]:
        """1 to 6."""
        return range(1, NUM_FOLDS + 1)


def check_choices(channel: str, modality: str, calm: str) -> None:
    """Raises a ValueError for a part of RAVDESS that there is not."""
    for name, value, choices in (
        ("channel", channel, _CHANNELS),
        ("modality", modality, _MODALITIES),
        ("calm", calm, _CALM_CHOICES),
    ):
        if value not in choices:
            raise ValueError(f"`{name}` is {value!r}; it must be one of {', '.join(choices)}.")


@dataclass
class RavdessConfig(ClipConfig):
    """Arguments of `Ravdess` besides `data_dir`; `RavdessOptions` describes them."""

    fold: int = 1
    channel: str = "speech"
    modality: str = "video"
    calm: str = "keep"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold not in range(1, NUM_FOLDS + 1):
            raise ValueError(f"`fold` is {self.fold!r}; it must be 1 to {NUM_FOLDS}.")
        check_choices(self.channel, self.modality, self.calm)
        self.name = f"fold-{self.fold}"


class Ravdess(ClipBuilder):
    """
    One fold of RAVDESS: `Ravdess(data_dir, fold=3).load()`. `ClipBuilder` describes other arguments and the errors.

    Videos, or folders of frames, are found in `data_dir` and in folders below by their names, as
    `02-01-06-01-02-01-12`, which are the `clip_id`. The columns `fold`, `identity` and `sex` are the fold that tests
    the clip, and the actor; odd numbers are men.
    """

    BUILDER_CONFIG_CLASS = RavdessConfig
    MUST_BE_WHOLE = True

    def plan(self) -> SourcePlan:
        """Lists the clips of the fold, with the path of each."""
        config = self.config
        found = index_performances(self.data_dir, "ravdess")
        expected = list(all_names(config.modality, config.channel))
        paths = check_once(found, expected)
        _check_found(found, expected, paths, config)
        notes = [
            f"{self.data_dir}: {len(paths):,} of {len(expected):,} clips of RAVDESS ({config.channel}, "
            f"{config.modality})."
        ]
        known = {name for each in _MODALITIES for name in all_names(each, "both")}
        if others := len((found.paths.keys() & known) - set(expected)):
            notes.append(f"Not used: {others:,} files of the other modality (the same performances) or channel.")
        if strange := sorted(found.paths.keys() - known):
            notes.append(f"Left out, as RAVDESS does not have them: {name_some(strange)}.")
        suffix = next(iter(paths.values()), Path("a.mp4")).suffix
        clips = []
        for name in expected:
            label = _CLASS_OF[name[6:8]]
            if label == CALM and config.calm != "keep":
                if config.calm == "leave_out":
                    continue
                label = "neutral"
            path = paths.get(name, self.data_dir / person_of(name) / f"{name}{suffix}")
            fold, sex = fold_of(name), "male" if int(name[-2:]) % 2 else "female"
            extra = {"fold": fold, PERSON: person_of(name), "sex": sex}
            clips.append(PlannedClip(name, "test" if fold == config.fold else "train", path, label, extra))
        counts = Counter(clip.label for clip in clips)
        present = [label for label in CLASSES if counts[label]]
        notes.append(f"Listed by class: {', '.join(f'{counts[label]:,} {label}' for label in present)}.")
        texts = dict.fromkeys((PERSON, "sex"), Value("string"))
        return SourcePlan(clips, present, [], notes, {"fold": Value("int32")} | texts)


def all_names(modality: str, channel: str) -> Iterator[str]:
    """The names of all clips of a modality and a channel, by actor: 60 spoken and 44 sung ones of each."""
    for actor in range(1, NUM_ACTORS + 1):
        for way in _CHANNELS[channel]:
            is_song = way == "02"
            if is_song and actor == _NO_SINGER:
                continue
            for emotion in _CLASS_OF:
                if is_song and emotion in _NOT_SUNG:
                    continue
                for intensity in ("01",) if emotion == "01" else ("01", "02"):
                    for statement in ("01", "02"):
                        for repetition in ("01", "02"):
                            parts = (_MODALITIES[modality], way, emotion, intensity, statement, repetition)
                            yield "-".join((*parts, f"{actor:02d}"))


def fold_of(name: str) -> int:
    """The fold that tests a clip, 1 to 6."""
    return (int(name[-2:]) - 1) // ACTORS_PER_FOLD + 1


def person_of(name: str) -> str:
    """The actor, as `Actor_12`."""
    return f"Actor_{name[-2:]}"


def _check_found(found: Performances, expected: Sequence[str], paths: dict[str, Path], config: RavdessConfig) -> None:
    """Raises an error where clips are pointers, or missing."""
    if found.pointers:
        raise ValueError(
            f"{len(found.pointers):,} of {len(found.paths):,} videos are pointers of Git LFS, texts of 130 bytes, as "
            f"{found.pointers[0]}: run `git lfs pull` in their folder, or fetch the archives from {_RECORD}."
        )
    if not paths and config.on_problem == "stop":
        there = Counter((name[:2], name[3:5]) for name in found.paths)
        shown = ", ".join(f"{modality}-{way}-… ({number:,})" for (modality, way), number in sorted(there.items()))
        raise FileNotFoundError(
            f"{found.folder} has no clip of RAVDESS with `channel` {config.channel} and `modality` "
            f"{config.modality}; it has {shown}. Choose these by `modality` (01 is audio_video, 02 video) "
            "and `channel` (01 is speech, 02 song)."
        )
    actors, names = missing_parts(expected, paths, person_of)
    if config.on_problem == "stop" and (actors or names):
        raise FileNotFoundError(
            f"{found.folder}: of {len(expected):,} clips of RAVDESS {len(paths):,} are there; "
            f"{describe_missing(actors, names, 'actor')} are missing. {_how_to_mend(found, actors, names, config)} Or "
            "leave missing clips out with `on_problem` skip; results are then for the others only."
        )


def _how_to_mend(found: Performances, actors: list[str], names: list[str], config: RavdessConfig) -> str:
    """What brings the missing clips: the folder above, an archive that is there, or its download."""
    actor = actors[0] if actors else person_of(names[0])
    if found.folder.name.startswith("Actor_") and any(found.folder.parent.glob("Actor_*/*")):
        return f"This is the folder of one actor: name the one above, {found.folder.parent}."
    kind = "Song" if config.channel == "song" or (names and names[0][3:5] == "02") else "Speech"
    archive = f"Video_{kind}_{actor}.zip"
    if (file := found.archive_of(archive, actor)) is not None:
        return f"Unpack the archive that is there: `{unpack(file)}`."
    folder = shlex.quote(str(found.folder))
    return (
        f"Fetch the archive of each such actor, as by `curl -L -o {archive} "
        f"'{_RECORD}/files/{archive}?download=1'` and `unzip {archive} -d {folder}`."
    )


def load(options: RavdessOptions, fold: int | None, cache_dir: str | None) -> Source:
    """One fold of RAVDESS. Raises the errors of `ClipBuilder`."""
    assert fold is not None  # `RavdessOptions` requires one
    arguments = {"channel": options.channel, "modality": options.modality, "calm": options.calm}
    builder = Ravdess(cache_dir=cache_dir, fold=fold, **arguments | Ravdess.arguments_from(options))
    parts = {
        "speech and song": options.channel == "both",
        "song": options.channel == "song",
        "audio-video": options.modality == "audio_video",
        "without calm": options.calm == "leave_out",
        "calm as neutral": options.calm == "neutral",
    }
    setup = ", ".join(part for part, applies in parts.items() if applies) or None
    return builder.gather(DataFacts("ravdess", "RAVDESS", num_folds=NUM_FOLDS, setup=setup))


SOURCE = ClipSource(
    name="ravdess",
    title="RAVDESS, acted, by its folds of actors",
    options=RavdessOptions,
    load=load,
    terms=DataTerms(
        "RAVDESS",
        "cc-by-nc-sa-4.0",
        _RECORD,
        CC_BY_NC_SA,
        'S. R. Livingstone and F. A. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song '
        '(RAVDESS)", PLoS ONE 13(5), 2018',
    ),
    columns={
        "fold": "number of the fold that tests the clip",
        PERSON: "the actor",
        "sex": "sex of the actor",
    },
    limits=(
        "**Acted, in a studio.** The clips of RAVDESS are of 24 actors who speak or sing two sentences with a given "
        "emotion, from the front and well lit; the label is what they were asked for "
        f"([its authors' page]({_RECORD})).",
        "**Its people.** 12 men and 12 women; the files do not say the age and race of each. A fold tests 4 people, "
        "so its result says little about others.",
    ),
    classes=CLASSES,
    shows_shoulders=True,
)
