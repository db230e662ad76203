"""Every source of clips behind one set of arguments: drawn faces, DFEW, FERV39K, one's own clips, prepared shards."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets import DatasetDict

from ...configuration_logoformer import EXPRESSIONS
from ..problems import ClipProblems, Problem, write_problems
from .clip_folder import ClipFolder
from ..clips import keep_labels
from .dfew import DFEW, FOLDS
from .ferv39k import ALL_SCENES, FERV39K
from ..labels import parse_label_map
from ..shards import load_shards
from ..synthetic.clips import build_synthetic_clips

SOURCE_FILE = "source.json"  # beside prepared shards: which data set they are of, and what is not among them
# Arguments that only some sources have a use for; elsewhere they would be ignored without a word.
_TAKES = {
    "faces": ("difficulty", "view_difficulty", "uneven_classes"),
    "dfew": ("data_dir", "fold", "frames", "list_file", "label_map"),
    "ferv39k": ("data_dir", "setup", "list_file", "label_map"),
    "clips": ("data_dir", "list_file", "label_map"),
    "prepared": ("data_dir", "fold"),
}


@dataclass
class SourceArguments:
    """Which clips."""

    dataset: str = field(
        default="faces",
        metadata={
            "help": "Source of the clips: drawn 'faces' (the demo), 'dfew', 'ferv39k', own 'clips' in folders or "
            "lists, or 'prepared' shards that `logoformer prepare` wrote.",
            "choices": list(_TAKES),
        },
    )
    data_dir: str | None = field(default=None, metadata={"help": "Folder of the data set, as it was unpacked."})
    fold: str | None = field(
        default=None, metadata={"help": "Fold of DFEW that is tested, 1 to 5, or 'all' for five runs and their mean."}
    )
    setup: str | None = field(
        default=None, metadata={"help": "Setup of FERV39K: 'All_scenes' (default), or one scene by its name."}
    )
    frames: str | None = field(
        default=None, metadata={"help": "Folder below data_dir with the clips to use where there are several."}
    )
    list_file: list[str] | None = field(
        default=None,
        metadata={
            "help": "Lists of clips to use instead of the data set's own: of the train split, of the test split."
        },
    )
    label_map: list[str] | None = field(
        default=None, metadata={"help": "What the numbers in the lists mean, e.g. '0=angry 1=disgust'."}
    )
    on_problem: str = field(
        default="stop",
        metadata={
            "help": "With missing, empty or unreadable clips: 'stop', or 'skip' them. problems.csv names them anyway.",
            "choices": ["stop", "skip"],
        },
    )
    check: str = field(
        default="quick",
        metadata={
            "help": "How clips are looked at beforehand: 'quick' opens each, 'full' decodes every frame once.",
            "choices": ["quick", "full"],
        },
    )
    labels: list[str] | None = field(
        default=None, metadata={"help": f"Use these classes alone, in this order. Usual: {' '.join(EXPRESSIONS)}."}
    )
    cache_dir: str | None = field(default=None, metadata={"help": "Where drawn clips and tables of clips are kept."})
    num_train_clips: int = field(default=1400, metadata={"help": "Drawn clips to train on."})
    num_validation_clips: int = field(default=350, metadata={"help": "Drawn clips to choose the best epoch on."})
    num_test_clips: int = field(default=350, metadata={"help": "Drawn clips to test on, once."})
    clips_seed: int = field(default=0, metadata={"help": "Seed of the drawn clips, apart from the run's --seed."})
    difficulty: float = field(
        default=0.0,
        metadata={"help": "Of the drawn clips: from 0, plain expressions seen well, to 1, as hard as in the wild."},
    )
    view_difficulty: float | None = field(
        default=None,
        metadata={
            "help": "How hard drawn faces are to see, 0 to 1: people, pose, light, camera, things in the way; as "
            "`difficulty` where it is left out."
        },
    )
    uneven_classes: bool = field(
        default=False,
        metadata={
            "help": "Draw the classes to train and to choose the best epoch on as unevenly often as DFEW has them; "
            "the test clips stay even."
        },
    )

    def __post_init__(self):
        for name in dict.fromkeys(name for arguments in _TAKES.values() for name in arguments):
            # None, False and 0.0 say nothing, so that settings can be passed on from one source to the next.
            if getattr(self, name) not in (None, False) and name not in _TAKES[self.dataset]:
                takers = [source for source, arguments in _TAKES.items() if name in arguments]
                raise ValueError(
                    f"`{name}` says nothing about dataset {self.dataset!r}; it is for {', '.join(takers)}. Leave it "
                    "out, or name that `dataset`."
                )
        for name in ("difficulty", "view_difficulty"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"`{name}` is {value}; it must be from 0 to 1.")
        if self.data_dir is None and "data_dir" in _TAKES[self.dataset]:
            raise ValueError(f"dataset {self.dataset!r} lies on your disk: name its folder with `data_dir`.")
        if self.dataset == "dfew" and self.fold is None and self.list_file is None:
            raise ValueError("DFEW is tested by fold: give `fold` 1 to 5, or 'all'.")
        if self.fold not in (None, "all", *map(str, FOLDS)):
            raise ValueError(f"`fold` is {self.fold!r}; it must be one of {', '.join(map(str, FOLDS))}, or 'all'.")
        if self.fold == "all" and self.list_file is not None:
            raise ValueError("`fold` is 'all', but `list_file` names one split: give them one fold a run.")

    @property
    def folds(self) -> Sequence[int | None]:
        """The folds to run, `[None]` where the source has no folds."""
        if self.fold is None:
            return [None]
        return FOLDS if self.fold == "all" else [int(self.fold)]


@dataclass
class Source:
    """Clips of one fold, and what was noticed while they were gathered.

    Attributes:
        rows: columns of `logoformer_hf.data.rows.clip_features`, by split.
        dataset: as `SourceArguments.dataset` names it; of prepared shards the data set that they come from.
        dataset_name: for readers, without the fold: "DFEW".
        num_folds: how many folds its protocol has, None for a data set with one split.
        setup: part of the data set where it is not all of it, e.g. a scene of FERV39K.
        notes: sentences for the user: which layout was found, how counts differ from the published ones.
        problems: clips that were left out, by split.
        folds: of each clip, also of those left out, the fold that tests it; empty without folds.
    """

    rows: DatasetDict
    dataset: str
    dataset_name: str
    num_folds: int | None = None
    setup: str | None = None
    notes: list[str] = field(default_factory=list)
    problems: dict[str, list[Problem]] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)


def load_source(args: SourceArguments, fold: int | None = None) -> Source:
    """
    Gathers the clips that `args` name; of a source with folds those of `fold`.

    Raises:
        ValueError, FileNotFoundError: what is wrong with the folder, a list or an argument.
        ClipProblems: clips that are missing, empty or unreadable, with `on_problem` "stop".
    """
    if args.dataset == "faces":
        source = _draw_faces(args)
    elif args.dataset == "prepared":
        source = _load_prepared(Path(args.data_dir), fold, args.cache_dir)
    else:
        source = _build(args, fold)
    if args.labels is not None:
        source.rows = keep_labels(source.rows, args.labels)
    return source


def _draw_faces(args: SourceArguments) -> Source:
    rows = build_synthetic_clips(
        cache_dir=args.cache_dir,
        num_train=args.num_train_clips,
        num_validation=args.num_validation_clips,
        num_test=args.num_test_clips,
        seed=args.clips_seed,
        difficulty=args.difficulty,
        view_difficulty=args.view_difficulty,
        uneven=args.uneven_classes,
    )
    return Source(rows, "faces", "drawn faces of logoformer-hf")


def _build(args: SourceArguments, fold: int | None) -> Source:
    label_map = None if args.label_map is None else parse_label_map(args.label_map)
    shared = {"list_files": args.list_file, "label_map": label_map, "on_problem": args.on_problem}
    shared |= {"check": args.check, "cache_dir": args.cache_dir}
    if args.dataset == "dfew":
        builder, name = DFEW(args.data_dir, fold=fold, frames=args.frames, **shared), "DFEW"
    elif args.dataset == "ferv39k":
        builder, name = FERV39K(args.data_dir, setup=args.setup or ALL_SCENES, **shared), "FERV39K"
    else:
        builder, name = ClipFolder(args.data_dir, **shared), Path(args.data_dir).resolve().name
    rows = builder.load()
    split_of = {clip.clip_id: clip.split for clip in builder.source.clips}
    folds = {clip.clip_id: clip.extra["fold"] for clip in builder.source.clips if clip.extra.get("fold") is not None}
    problems = {split: [] for split in rows}
    for problem in builder.problems:
        problems[split_of[problem.clip_id]].append(problem)
    setup = None if args.setup == ALL_SCENES else args.setup
    if args.list_file is not None and args.dataset != "clips":
        setup = f"lists {', '.join(Path(file).name for file in args.list_file)}"
    num_folds = None if fold is None else len(FOLDS)
    return Source(rows, args.dataset, name, num_folds, setup, builder.notes, problems, folds)


def _load_prepared(folder: Path, fold: int | None, cache_dir: str | None) -> Source:
    """Shards of `prepare_source`, with what it knew of the clips that are not among them."""
    rows = load_shards(folder, fold, cache_dir)
    facts = json.loads((folder / SOURCE_FILE).read_text())
    if fold is None and facts["num_folds"]:
        raise ValueError(
            f"{folder} is {facts['dataset_name']}, which is tested by fold: give `fold` 1 to 5, or 'all'."
        )
    problems = {split: [] for split in rows}
    for clip in facts["left_out"]:
        split = clip["split"] if fold is None else "test" if clip["fold"] == fold else "train"
        problems[split].append(Problem(clip["clip_id"], str(folder), "left out when the shards were made"))
    return Source(
        rows,
        facts["dataset"],
        facts["dataset_name"],
        None if fold is None else facts["num_folds"],
        facts["setup"],
        [f"{folder}: shards of {facts['dataset_name']}."],
        problems,
    )


def gather_clips(args: SourceArguments, fold: int | None, problems_file: Path, verbose: bool = True) -> Source:
    """
    `load_source` for a program: says what was found, and writes clips with problems to `problems_file`.

    Args:
        args: which clips.
        fold: of a source with folds.
        problems_file: `problems.csv`, written where there are any, also if they stop the program.
        verbose: say and write; of several processes one does.
    """
    try:
        source = load_source(args, fold)
    except ClipProblems as error:
        if verbose:
            _write_problems(error.problems, problems_file)
        raise
    if verbose:
        for note in source.notes:
            print(note)
        if problems := [problem for split in source.problems.values() for problem in split]:
            _write_problems(problems, problems_file)
    return source


def _write_problems(problems: list[Problem], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_problems(problems, file)
    print(f"{len(problems):,} clips that cannot be used, each with the reason: {file}")
