"""Arguments of `logoformer evaluate`, in a module that imports quickly."""

from dataclasses import dataclass, field

from ..export.arguments import FORMATS

TEST_VIEWS = (1, 4)
VIEWS_FIELD = {
    "help": "Views of each test clip whose scores are averaged: 1, or 4, two choices of frames, each as it is and "
    "mirrored. 4 take four forward passes of a clip, which is read once, with twice as many frames.",
    "choices": list(TEST_VIEWS),
}


def check_test_views(number: int) -> None:
    """Raises a ValueError for another number of views than there is."""
    if number not in TEST_VIEWS:
        raise ValueError(f"`test_views` is {number}; it must be {' or '.join(map(str, TEST_VIEWS))}.")


@dataclass
class EvaluationArguments:
    """The model to test, the split, and how it is run."""

    model: str = field(metadata={"help": "Folder of a trained model, or its name on the Hub."})
    output_dir: str = field(metadata={"help": "Folder for predictions, report and pictures."})
    split: str = field(default="test", metadata={"help": "Which clips: 'test', or another split of the data set."})
    allow_seen_clips: bool = field(
        default=False,
        metadata={"help": "Test also on clips that the model was trained on; every result is marked."},
    )
    shared_labels: bool = field(
        default=False,
        metadata={
            "help": "Test on the classes that both the model and the clips have, by name; the clips of other classes "
            "are left out, and the model chooses among these classes only."
        },
    )
    test_views: int = field(default=1, metadata=VIEWS_FIELD)
    batch_size: int = field(default=32, metadata={"help": "Clips in one step."})
    num_workers: int = field(default=2, metadata={"help": "Processes that decode clips."})
    runtime: str = field(
        default="torch",
        metadata={
            "help": "What computes: torch, or another one for a folder of `logoformer export` as --model, on the CPU.",
            "choices": ["torch", *FORMATS],
        },
    )
    use_cpu: bool = field(default=False, metadata={"help": "Run on the CPU even where a GPU is available."})

    def __post_init__(self) -> None:
        check_test_views(self.test_views)
