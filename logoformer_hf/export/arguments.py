"""Arguments of `logoformer export`, in a module that imports quickly."""

from dataclasses import dataclass, field

FORMATS = ("onnx", "openvino", "torch-export")


@dataclass
class ExportArguments:
    """The format, and what is measured of it."""

    format: str = field(metadata={"help": "Runtime that the files are for.", "choices": list(FORMATS)})
    output_dir: str = field(metadata={"help": "Folder for the graphs, export.json, configuration and processor."})
    precision: str = field(
        default="float32",
        metadata={
            "help": "Numbers that are computed with. int8 (onnx, openvino) is calibrated on clips of the training "
            "split; bf16 is for openvino and torch-export.",
            "choices": ["float32", "bf16", "int8"],
        },
    )
    calibration_clips: int = field(
        default=64, metadata={"help": "Clips of the training split on which int8 is calibrated."}
    )
    compare_clips: int | None = field(
        default=None,
        metadata={
            "help": "Clips of the test split on which the export is compared with the model. Default: all of a data "
            "set that is named, 64 drawn ones otherwise."
        },
    )

    def __post_init__(self) -> None:
        for name in ("calibration_clips", "compare_clips"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} {value}: it must be at least 1.")
