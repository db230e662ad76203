"""Clips on a user's disk as a builder of `datasets`: rows in Arrow, cached until lists or clips change.

`datasets` replaces `open`, `Path` and parts of `os` in every module that defines a builder, as soon as a builder is
created. Modules with a builder therefore do not call them; other modules access the disk.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import datasets

from ..._compat import open_beside_cache
from ..facts import DataFacts, LeftOutClip
from ..identity import add_content_ids, data_digest, path_ids
from ..labels import parse_label_map
from ..problems import ClipProblems, Problem, name_some
from ..rows import clip_features
from .inventory import CHECKS, PlannedClip, fingerprint, inspect_clips
from .layouts import existing_folder
from .lists import ClipList, ListedClip, read_lists
from .source import CheckOptions, ClipOptions, Source
from .table_cache import delete_table, is_damaged, is_there, seal_table

ON_PROBLEM = ("stop", "skip")
_PROBLEMS_FILE = "problems.json"  # beside the Arrow files


@dataclass(frozen=True)
class SourcePlan:
    """
    All clips of a source as its lists or folders name them, and notes on how they were found.

    Attributes:
        clips: in the order of their rows.
        label_names: names of the classes in the order of their numbers.
        files: the lists that name the clips.
        notes: sentences for the user: which layout was found, how counts differ from the published ones.
        extra_features: the source's own columns, as `datasets` feature types.
    """

    clips: list[PlannedClip]
    label_names: list[str]
    files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    extra_features: dict[str, Any] = field(default_factory=dict)


@dataclass
class ClipConfig(datasets.BuilderConfig):
    """Arguments of every builder besides `data_dir`; `ClipOptions` describes them."""

    on_problem: str = "stop"
    check: str = "quick"
    list_files: list[str] | None = None
    label_map: dict[int, str] | None = None
    labels: list[str] | None = None
    clip_root: list[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.clip_root, str):
            raise ValueError(f"`clip_root` is {self.clip_root!r}; it must be a list of folders.")
        for name, choices in (("on_problem", ON_PROBLEM), ("check", CHECKS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"`{name}` is {getattr(self, name)!r}; it must be {' or '.join(map(repr, choices))}.")

    def create_config_id(self, *args: Any, **kwargs: Any) -> str:
        """The name alone: caches differ in the builder's `hash`, which covers all arguments and the clips on disk."""
        return str(self.name)


class ClipBuilder(datasets.GeneratorBasedBuilder):
    """
    Base class of the sources of clips on a user's disk; a subclass lists the clips in `plan`.

    Errors in an argument, the layout or a list are raised when the builder is created; errors in the clips when the
    rows are built, before the first row is written.

    Args:
        data_dir: folder of the data set.
        cache_dir: where the rows are kept; by default the cache of `datasets`.
        arguments: fields of the class's `BUILDER_CONFIG_CLASS`.

    Raises:
        FileNotFoundError, NotADirectoryError: `data_dir`, or a file or folder in it, does not exist.
        ValueError: a wrong argument or list, or a clip that is listed twice or in two splits.
    """

    BUILDER_CONFIG_CLASS = ClipConfig
    VERSION = datasets.Version("1.0.0")  # increase it when the same files give other rows
    MUST_BE_WHOLE = False  # whether videos are refused that end in the middle, as after half a download

    def __init__(self, data_dir: str | Path, cache_dir: str | Path | None = None, **arguments: Any):
        self.data_dir = existing_folder(data_dir)
        arguments["data_dir"] = str(self.data_dir)
        self.config = self.BUILDER_CONFIG_CLASS(**arguments)
        self.source = self.plan()
        _check_plan(self.source)
        self.source = _keep_labels(self.source, self.config.labels)
        # Without newer settings that are not used, so that rows of earlier versions are found in the cache.
        unused = {"labels", "clip_root"}
        settings = {key: value for key, value in asdict(self.config).items() if value is not None or key not in unused}
        state = fingerprint(settings, self.source.files, self.source.clips)
        try:  # `datasets` reads a part of the cached table here
            super().__init__(cache_dir=cache_dir, hash=state, **arguments)
        except (ValueError, KeyError, TypeError, AttributeError):
            if not is_damaged(getattr(self, "cache_dir", "")):
                raise
        if is_damaged(self.cache_dir):
            delete_table(self.cache_dir)
            super().__init__(cache_dir=cache_dir, hash=state, **arguments)

    def plan(self) -> SourcePlan:
        """Lists the clips in `self.data_dir`, as the other arguments, in `self.config`, require."""
        raise NotImplementedError

    def load(self) -> datasets.DatasetDict:
        """
        The rows by split, with the columns of `data.rows.clip_features` and the source's own: built, or read from the
        cache.

        Raises:
            ClipProblems: clips that cannot be used, with `on_problem` "stop", or all clips of a split, with "skip".
        """
        has_table = is_there(self.cache_dir)
        self.download_and_prepare()
        if not has_table:
            seal_table(self.cache_dir)
        return self.as_dataset()

    @classmethod
    def arguments_from(cls, options: CheckOptions) -> dict[str, Any]:
        """The arguments of this class for options of the command line."""
        arguments: dict[str, Any] = {"data_dir": options.data_dir}
        if isinstance(options, ClipOptions):
            arguments["list_files"] = options.list_file
            arguments["label_map"] = None if options.label_map is None else parse_label_map(options.label_map)
        arguments |= {"on_problem": options.on_problem, "check": options.check}
        newer = {name: getattr(options, name, None) for name in ("labels", "clip_root")}
        return arguments | {name: value for name, value in newer.items() if value is not None}

    def gather(self, facts: DataFacts) -> Source:
        """
        The rows, with the column `content_id`, with facts, notes and problems. Raises the errors of `load`.

        The identifiers are computed in every call: the rows of the cache do not change with a frame that is
        overwritten in place.

        Args:
            facts: facts about the data set, without the clips that are left out.
        """
        rows = self.load()
        clips, problems = {clip.clip_id: clip for clip in self.source.clips}, self.problems
        content_ids = dict(zip(clips, path_ids([clip.path for clip in clips.values()]), strict=True))
        for split in rows:
            rows[split] = add_content_ids(rows[split], [content_ids[clip_id] for clip_id in rows[split]["clip_id"]])
        left_out = tuple(
            LeftOutClip(clip.clip_id, clip.split, clip.extra.get("fold"), clip.label)
            for clip in (clips[problem.clip_id] for problem in problems)
        )
        digest = data_digest((clip.split, name, clip.label, content_ids[name]) for name, clip in clips.items())
        return Source(rows, replace(facts, left_out=left_out), self.notes, problems, digest)

    @property
    def problems(self) -> list[Problem]:
        """Clips that were left out; available after the rows are built."""
        with open_beside_cache(self, _PROBLEMS_FILE, "r") as file:
            return [Problem(**problem) for problem in json.load(file)]

    @property
    def notes(self) -> list[str]:
        """Sentences on what was found and what differs from the published data; available after the rows are built."""
        split_of = {clip.clip_id: clip.split for clip in self.source.clips}
        num_clips = Counter(split_of.values())
        left_out = defaultdict(list)
        for problem in self.problems:
            left_out[split_of[problem.clip_id]].append(problem.clip_id)
        return self.source.notes + [
            f"Left out of {split}: {len(names):,} of {num_clips[split]:,} clips, missing, empty or unreadable: "
            f"{name_some(names)}."
            for split, names in left_out.items()
        ]

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=clip_features(self.source.label_names, **self.source.extra_features))

    def _split_generators(self, dl_manager: datasets.DownloadManager) -> list[datasets.SplitGenerator]:
        # Errors raised here reach the caller unchanged; `datasets` wraps those from `_generate_examples`.
        clips = self.source.clips
        num_frames, problems = inspect_clips(clips, self.config.check, self.MUST_BE_WHOLE)
        good: dict[str, list[tuple[PlannedClip, int]]] = {
            split: [] for split in dict.fromkeys(clip.split for clip in clips)
        }
        for clip in clips:
            if clip.clip_id in num_frames:
                good[clip.split].append((clip, num_frames[clip.clip_id]))
        if problems and self.config.on_problem == "stop":
            raise ClipProblems(
                problems,
                len(clips),
                'Repair them, or leave them out with `on_problem="skip"`: results are then for the other clips only.',
            )
        if not all(good.values()):
            raise ClipProblems(
                problems,
                len(clips),
                f"No {' and no '.join(split for split in good if not good[split])} clip is left: is `data_dir` "
                f"({self.config.data_dir}) the right folder?",
            )
        with open_beside_cache(self, _PROBLEMS_FILE, "w") as file:
            json.dump([asdict(problem) for problem in problems], file)
        return [datasets.SplitGenerator(split, gen_kwargs={"clips": good[split]}) for split in good]

    def _generate_examples(self, clips: list[tuple[PlannedClip, int]]) -> Iterator[tuple[int, dict[str, Any]]]:
        for key, (clip, num_frames) in enumerate(clips):
            row = {"clip_id": clip.clip_id, "video": str(clip.path), "num_frames": num_frames, "label": clip.label}
            yield key, row | clip.extra


def read_split_lists(
    config: ClipConfig, label_of: Callable[[ListedClip], str | None] = lambda clip: None
) -> list[ClipList]:
    """
    Reads the two lists, train and test, that replace a data set's own; another number raises a ValueError. `label_of`
    gives the class of a clip in the data set's own lists, None for one that they don't have.
    """
    list_files = config.list_files or []
    if len(list_files) != 2:
        raise ValueError(
            f"`list_files` has {len(list_files)} lists, but must have two: one to train on, and one to test on."
        )
    return read_lists(list_files, config.label_map, labels=config.labels, label_of=label_of)


def _keep_labels(plan: SourcePlan, labels: Sequence[str] | None) -> SourcePlan:
    """
    The plan without the clips of other classes, which are then neither checked nor counted as left out. Raises a
    ValueError for a split without a clip of these classes.
    """
    if labels is None or not set(labels) <= set(plan.label_names):  # `data.clips.keep_labels` will say so
        return plan
    clips = [clip for clip in plan.clips if clip.label in labels]
    splits = {clip.split for clip in clips}
    if lost := next((clip.split for clip in plan.clips if clip.split not in splits), None):
        raise ValueError(f"`labels` is {', '.join(labels)}, but split {lost!r} has no clip of these classes.")
    return replace(plan, clips=clips)


def _check_plan(plan: SourcePlan) -> None:
    """Raises a ValueError for a clip in two splits, an id of two clips, or a label that is not a class."""
    first: dict[str, PlannedClip] = {}
    leaks, doubles = [], []
    for clip in plan.clips:
        other = first.setdefault(clip.clip_id, clip)
        if other.split != clip.split:
            leaks.append(f"{clip.clip_id} ({other.split}, {clip.split})")
        elif other is not clip:
            doubles.append(f"{clip.clip_id} ({other.path}, {clip.path})")
    if leaks:
        raise ValueError(
            f"{len(leaks):,} clips are in two splits, so they would be both trained on and tested on: "
            f"{name_some(leaks)}. Remove them from one of the lists."
        )
    if doubles:
        raise ValueError(f"{len(doubles):,} clips would be counted twice: {name_some(doubles)}. Keep one of each.")
    strange = sorted({clip.label for clip in plan.clips} - set(plan.label_names))
    if strange:
        raise ValueError(
            f"labels {', '.join(strange)}: this data set has the classes {', '.join(plan.label_names)}. Use these "
            "names in `label_map`."
        )
