"""Arguments of `logoformer benchmark`, in a module that imports quickly."""

from dataclasses import dataclass, field

PART_NAMES = ("costs", "memory", "latency", "throughput", "training", "stages", "tokens", "ways")


@dataclass
class BenchmarkArguments:
    """What is measured, how, and where it is written."""

    only: list[str] | None = field(
        default=None,
        metadata={"help": "Parts to measure, by default all.", "choices": list(PART_NAMES)},
    )
    quick: bool = field(
        default=False, metadata={"help": "Smaller models and two rounds: shows in seconds that it runs."}
    )
    rounds: int | None = field(default=None, metadata={"help": "Interleaved rounds of a measurement. Default: 7."})
    train_batch_size: int | None = field(
        default=None, metadata={"help": "Clips of a training step. Default: 2 on a CPU, 16 on a GPU."}
    )
    threads: int | None = field(default=None, metadata={"help": "Threads of PyTorch on a CPU. Default: its own."})
    device: str | None = field(
        default=None, metadata={"help": "Device of PyTorch, e.g. cpu, cuda:1. Default: a GPU where there is one."}
    )
    dtype: str = field(
        default="float32",
        metadata={
            "help": "Numbers of weights and clips; with 'bf16' training is in mixed precision.",
            "choices": ["float32", "bf16"],
        },
    )
    no_compile: bool = field(default=False, metadata={"help": "Without `torch.compile`, which takes minutes."})
    former_dfer: str | None = field(
        default=None,
        metadata={"help": "Checkout of Former-DFER's public repository, whose code is then run and measured, too."},
    )
    output_dir: str = field(
        default="outputs/speed", metadata={"help": "Folder for the table, speed.json and pictures."}
    )
    page: str | None = field(
        default=None,
        metadata={"help": "Markdown page with a section for results, docs/speed.md; pictures are drawn beside it."},
    )

    def __post_init__(self) -> None:
        for name in ("rounds", "train_batch_size", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} {value}: it must be at least 1.")
