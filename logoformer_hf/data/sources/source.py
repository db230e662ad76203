"""The parts of a source of clips: its entry in the table of sources, its command-line options, and what it loads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import Problem
from ..published import HumanScores
from ..terms import DataTerms

if TYPE_CHECKING:
    from datasets import DatasetDict


@dataclass
class Source:
    """
    Clips of one fold, and notes on how they were found.

    Attributes:
        rows: columns of `data.rows.clip_features`, by split.
        facts: facts about the data set.
        notes: sentences for the user: which layout was found, how counts differ from the published ones.
        problems: clips that were left out, with the reasons.
        data_digest: `data.identity.data_digest` of all clips that are listed, those that were left out included;
            empty until `load_source` has computed it.
        identifies_copies: whether `content_id` identifies resized copies of the clips and not the clips themselves, as
            with shards of version 0.1.
    """

    rows: "DatasetDict"
    facts: DataFacts
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    data_digest: str = ""
    identifies_copies: bool = False


@dataclass(frozen=True)
class ClipSource:
    """
    One source of clips: an entry of `data.sources.table`.

    Attributes:
        name: value of `--dataset`.
        title: description in the help of `--dataset`.
        options: dataclass of its command-line options, all with defaults; it raises a ValueError for wrong values
            when it is created.
        load: function of these options, the fold (None without folds) and the cache folder that returns its clips.
        terms: terms that do not allow redistribution, None if this package knows of none.
        published: UAR and WAR in percent by the name of a method in `data.published.METHODS`.
        columns: descriptions of its own columns, for the card of a prepared copy.
        limits: what is known of the people in the clips, one Markdown sentence or more each, for the card of a model.
        is_on_disk: whether its clips are files of the user, which `logoformer prepare` can write as shards.
        has_official_split: whether its authors decided which clips train and which test.
        classes: the classes of its protocol; results on others do not stand beside published ones.
        human: what people reach on its clips, None where it is not known.
        shows_shoulders: whether its videos show more than a face, so that they need `faces`.
        has_labels: whether its labels say something: no model can be trained to recognise, or tested on, others.
    """

    name: str
    title: str
    options: type[Any]
    load: Callable[[Any, int | None, str | None], Source]
    terms: DataTerms | None = None
    published: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    is_on_disk: bool = True
    has_official_split: bool = False
    classes: tuple[str, ...] = EXPRESSIONS
    human: HumanScores | None = None
    shows_shoulders: bool = False
    has_labels: bool = True


@dataclass
class FolderOptions:
    """Options of a source that reads a folder of the user."""

    data_dir: str | None = field(default=None, metadata={"help": "Folder of the data set, as it was unpacked."})

    def __post_init__(self) -> None:
        if self.data_dir is None:
            raise ValueError("the clips are on your disk: name their folder with `data_dir`.")
        self.folder: str = self.data_dir


@dataclass
class CheckOptions(FolderOptions):
    """Options of a source that reads clips, videos or folders of frames, whose labels need no lists."""

    on_problem: str = field(
        default="stop",
        metadata={
            "help": "With missing, empty or unreadable clips: 'stop', or 'skip' them. problems.csv lists them anyway.",
            "choices": ["stop", "skip"],
        },
    )
    check: str = field(
        default="quick",
        metadata={
            "help": "How clips are checked beforehand: 'quick' opens each, 'full' decodes every frame once.",
            "choices": ["quick", "full"],
        },
    )
    labels: list[str] | None = None  # an argument of every source, see `CommonArguments`


@dataclass
class ClipOptions(CheckOptions):
    """Options of a source that reads clips, also through lists."""

    list_file: list[str] | None = field(
        default=None,
        metadata={
            "help": "Lists of clips to use instead of the data set's own: of the train split, of the test split."
        },
    )
    label_map: list[str] | None = field(
        default=None, metadata={"help": "What the numbers in the lists mean, e.g. '0=angry 1=disgust'."}
    )
    clip_root: list[str] | None = field(
        default=None,
        metadata={
            "help": "Folders besides --data_dir in which the lists may name clips: a list that leads elsewhere, by "
            "its paths or by links, is refused."
        },
    )


@dataclass
class FoldOptions(FolderOptions):
    """Options of a source with folds; a subclass lists them in `fold_numbers`."""

    fold: str | None = field(
        default=None,
        metadata={"help": "Fold that is tested, by its number, or 'all' for a run of each and their mean."},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fold is not None:
            self.fold = str(self.fold).lower()
            numbers = [str(number) for number in self.fold_numbers()]
            if self.fold not in (*numbers, "all"):
                raise ValueError(f"`fold` is {self.fold!r}; it must be one of {', '.join(numbers)}, or 'all'.")

    def fold_numbers(self) -> Sequence[int]:
        """All folds, in order."""
        raise NotImplementedError

    @property
    def folds(self) -> Sequence[int | None]:
        """The folds to run, `[None]` where none is named."""
        if self.fold is None:
            return [None]
        return self.fold_numbers() if self.fold == "all" else [int(self.fold)]
