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
    num_clips: int = field(
        default=64, metadata={"help": "Clips for the calibration, and as many to compare the export with the model."}
    )
    whole_test: bool = field(
        default=False, metadata={"help": "Compare both models on all clips of the test split instead."}
    )

    def __post_init__(self) -> None:
        if self.num_clips < 1:
            raise ValueError(f"--num_clips {self.num_clips}: it must be at least 1.")
