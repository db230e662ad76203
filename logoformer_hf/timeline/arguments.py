"""Arguments of `logoformer predict`, in a module that imports quickly, and what they must be."""

import re
from argparse import ArgumentParser
from dataclasses import dataclass, field

from ..export.arguments import FORMATS
from .grid import PAIR_SEC, PAIR_SEC_LIMITS


@dataclass
class PredictArguments:
    """The model, where outputs go, and how the work is done."""

    model: str = field(metadata={"help": "Folder of a trained model, or its name on the Hub."})
    detector: str = field(
        default="auto",
        metadata={
            "help": "What finds faces: 'auto' (YuNet from the Hub, downloaded once), path of an ONNX file with the "
            "same outputs, or 'none' for videos that are cropped to a face already."
        },
    )
    output: str | None = field(
        default=None,
        metadata={
            "help": "For one video a file, whose ending is the format (.parquet, .csv, .json, .srt, .vtt, .eaf); for "
            "any number of videos a folder. Without it the result is only printed."
        },
    )
    formats: str | None = field(
        default=None,
        metadata={"help": "Formats of the files in the folder `--output`, e.g. csv,srt. Default: parquet."},
    )
    overlay: str | None = field(
        default=None,
        metadata={"help": "File (.mp4) or folder for the video with boxes, labels and a chart drawn over it."},
    )
    plot: str | None = field(
        default=None, metadata={"help": "File (.png, .pdf, .svg) or folder for a picture of the timeline."}
    )
    device: str | None = field(
        default=None, metadata={"help": "Device of PyTorch, e.g. cpu, cuda:1. Default: a GPU where there is one."}
    )
    runtime: str = field(
        default="torch",
        metadata={
            "help": "What computes: torch, or another one for a folder of `logoformer export` as --model, on the CPU.",
            "choices": ["torch", *FORMATS],
        },
    )
    batch_size: int | None = field(
        default=None, metadata={"help": "Crops of faces that the model reads in one step. Default: by the device."}
    )
    pair_sec: float = field(
        default=PAIR_SEC, metadata={"help": "Seconds from one pair of frames to the next, and between windows."}
    )
    detect_every: int = field(
        default=3, metadata={"help": "Faces are searched in every n-th frame, and interpolated between."}
    )
    num_processes: int = field(default=1, metadata={"help": "Videos that are read at the same time."})
    shard: str | None = field(
        default=None, metadata={"help": "This job's part of the videos, e.g. 3/20 for the third of twenty jobs."}
    )

    def __post_init__(self) -> None:
        for name, lowest in {"batch_size": 1, "detect_every": 1, "num_processes": 1}.items():
            if getattr(self, name) is not None and getattr(self, name) < lowest:
                raise ValueError(f"--{name} {getattr(self, name)}: it must be at least {lowest}.")
        for name in ("output", "overlay", "plot"):
            if getattr(self, name) == "":
                raise ValueError(f"--{name} '': it must be the name of a file or folder.")
        for name in ("model", "detector", "device"):
            if getattr(self, name) == "":  # a variable of the shell that is not set
                raise ValueError(f"--{name} '': it is empty.")
        least, most = PAIR_SEC_LIMITS
        if not least <= self.pair_sec <= most:
            raise ValueError(f"--pair_sec {self.pair_sec}: it must be from {least:.4f} to {most:.0f} seconds.")
        self.share()

    def share(self) -> tuple[int, int]:
        """
        `--shard` as (number from 1, of how many); (1, 1) without it.

        Raises:
            ValueError: not two whole numbers, or the first is not between 1 and the second.
        """
        if self.shard is None:
            return 1, 1
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", self.shard)
        number, total = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= number <= total:
            raise ValueError(f"--shard {self.shard}: it must be like 3/20, from 1/20 to 20/20.")
        return number, total


def add_predict_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `predict` that a dataclass cannot declare: the paths, and a switch without a value."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATHS",
        help="Videos: files, folders (searched with their subfolders), patterns in quotes ('day*/**/*.mp4'), "
        "addresses (https://...), number of a camera (0; Ctrl-C ends it). A folder of images without videos is one "
        "video.",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="Replace outputs that were made with other settings or by another program.",
    )
