"""The synthetic faces of the demo as a source of clips."""

from dataclasses import dataclass, field

from ..facts import DataFacts
from .source import ClipSource, Source


@dataclass
class DrawnFacesOptions:
    """Command-line options of the synthetic faces."""

    num_train_clips: int = field(default=1400, metadata={"help": "Synthetic clips to train on."})
    num_validation_clips: int = field(default=350, metadata={"help": "Synthetic clips to choose the best epoch on."})
    num_test_clips: int = field(default=350, metadata={"help": "Synthetic clips to test on, once."})
    clips_seed: int = field(default=0, metadata={"help": "Seed of the synthetic clips; the run has its own --seed."})
    difficulty: float = field(
        default=0.0,
        metadata={
            "help": "Difficulty of the synthetic clips, from 0 (clear expressions, good view) to 1 (as in the wild)."
        },
    )
    view_difficulty: float | None = field(
        default=None,
        metadata={
            "help": "Difficulty of the view of synthetic faces, 0 to 1: people, pose, light, camera, occlusion; by "
            "default as `difficulty`."
        },
    )
    uneven_classes: bool = field(
        default=False,
        metadata={
            "help": "Draw training and validation clips with the imbalanced class frequencies of DFEW; the test clips "
            "stay balanced."
        },
    )

    def __post_init__(self) -> None:
        for name in ("difficulty", "view_difficulty"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"`{name}` is {value}; it must be from 0 to 1.")


def load(options: DrawnFacesOptions, fold: int | None, cache_dir: str | None) -> Source:
    """The synthetic clips, drawn or read from the cache; there are no folds."""
    from ..synthetic.clips import build_synthetic_clips  # OpenCV and the rig, which no other source needs

    rows = build_synthetic_clips(
        cache_dir=cache_dir,
        num_train=options.num_train_clips,
        num_validation=options.num_validation_clips,
        num_test=options.num_test_clips,
        seed=options.clips_seed,
        difficulty=options.difficulty,
        view_difficulty=options.view_difficulty,
        uneven=options.uneven_classes,
    )
    return Source(rows, DataFacts("faces", "drawn faces of logoformer-hf"))


SOURCE = ClipSource(
    name="faces", title="synthetic faces, the demo", options=DrawnFacesOptions, load=load, is_on_disk=False
)
