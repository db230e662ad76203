"""Loads an exported model and runs it as the model that it was made of."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedModel
from transformers.video_processing_utils import BaseVideoProcessor

from ..configuration_logoformer import LogoFormerConfig
from ..modeling_logoformer import LogoFormerClassifierOutput
from ..models.files import load_config, load_processor
from ..models.loading import load_pretrained
from .folder import CLASSIFIER_FILE, ENDINGS, graph_file, read_export

TORCH = "torch"
RUNTIMES = (TORCH, *ENDINGS)
RunGraph = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
_MODULES = {"onnx": "onnxruntime", "openvino": "openvino"}


def load_with_runtime(name_or_path: str | Path, runtime: str) -> tuple[PreTrainedModel, BaseVideoProcessor, bool]:
    """
    As `models.loading.load_pretrained`, a model for any runtime.

    Args:
        name_or_path: folder or name on the Hub of a model for "torch", folder of an export for the others.
        runtime: one of `RUNTIMES`.

    Raises:
        ValueError: the runtime is not installed, or the folder is not an export for it.
    """
    if runtime == TORCH:
        return load_pretrained(name_or_path)
    folder = Path(name_or_path)
    model = ExportedModel(folder, runtime)
    return model, load_processor(folder), True


class ExportedModel(PreTrainedModel):
    """
    An exported LOGO-Former, which computes on the CPU by a runtime.

    Args:
        folder: of an export.
        runtime: "onnx", "openvino" or "torch-export".
        description: what export.json will hold, for an export whose file is not there yet.

    Attributes:
        classifier: the linear layer of the model. Labels are chosen by it, so it is torch's.

    Raises:
        ValueError: as `load_with_runtime`.
    """

    config_class = LogoFormerConfig
    base_model_prefix = "exported"
    main_input_name = "pixel_values"
    input_modalities: Any = ("video",)

    def __init__(self, folder: str | Path, runtime: str, description: Mapping[str, Any] | None = None):
        folder = Path(folder)
        description = description or read_export(folder, runtime)
        config = load_config(folder)
        super().__init__(config)
        weights = load_file(folder / CLASSIFIER_FILE)
        num_labels, hidden_size = weights["weight"].shape
        self.classifier = nn.Linear(hidden_size, num_labels)
        self.post_init()
        self.classifier.load_state_dict(weights)
        self.name_or_path = str(folder)
        self.runtime, self.precision = runtime, description["precision"]
        self._folder = folder
        self._graphs: dict[str, RunGraph] = {}
        self.eval()

    def __deepcopy__(self, memo: dict[int, Any]) -> "ExportedModel":
        """The same model: graphs of a runtime cannot be copied, and are not changed."""
        return self

    def graph(self, name: str) -> RunGraph:
        """A graph of the export; it is loaded when it is needed first."""
        if name not in self._graphs:
            file = graph_file(self._folder, name, self.runtime)
            try:
                self._graphs[name] = LOADERS[self.runtime](file, self.precision)
            except ImportError as error:
                raise ValueError(
                    f"--runtime {self.runtime} needs {_MODULES.get(self.runtime, 'torch')} ({error}): "
                    f'pip install "logoformer-hf[{self.runtime}]".'
                ) from error
            except Exception as error:  # of a kind of the runtime's own
                raise ValueError(f"{file} cannot be loaded: {' '.join(str(error).split())[:300]}") from error
        return self._graphs[name]

    def encode_frames(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Frame tokens, as `LogoFormerModel.encode_frames`."""
        [tokens] = self.graph("frame_encoder")(pixel_values)
        return tokens

    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,  # by whose name Trainer sees that this is a classifier
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> LogoFormerClassifierOutput:
        """As `LogoFormerForVideoClassification.forward`."""
        if (pixel_values is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of `pixel_values` and `inputs_embeds`.")
        if pixel_values is not None:
            _, embedding = self.graph("model")(pixel_values)
        else:
            assert inputs_embeds is not None
            _, embedding = self.graph("clip_encoder")(inputs_embeds)
        logits = self.classifier(embedding)
        loss = None if labels is None else nn.functional.cross_entropy(logits, labels)
        return LogoFormerClassifierOutput(loss=loss, logits=logits, embedding=embedding)


def load_onnx(file: Path, precision: str) -> RunGraph:
    """A graph run by ONNX Runtime, on as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()

    def run(value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = session.run(None, {given.name: as_array(value)})
        return tuple(map(torch.from_numpy, outputs))

    return run


def load_openvino(file: Path, precision: str) -> RunGraph:
    """A graph run by OpenVINO, in bfloat16 where the export says so and float32 otherwise."""
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = openvino.Core().compile_model(str(file), "CPU", settings)

    def run(value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = compiled(as_array(value))
        return tuple(torch.from_numpy(found[output].copy()) for output in compiled.outputs)

    return run


def load_torch_export(file: Path, precision: str) -> RunGraph:
    """A graph of torch.export, run by torch; inputs and outputs are float32."""
    program: Any = torch.export.load(file).module()
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32

    def compute(value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.no_grad():
            return tuple(output.float() for output in program(value.to(dtype)))

    def run(value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        try:  # checks that torch.export has put into the program are assertions
            return compute(value)
        except AssertionError as error:
            refusal = error
        if len(value) == 1:  # they are those of the example, which had more than one clip
            with suppress(AssertionError):
                return tuple(output[:1] for output in compute(torch.cat([value, value])))
        raise ValueError(
            f"{file} does not take an input of {tuple(value.shape)}: a program of torch.export takes frames that are "
            "larger than one window of the model's attention, in height and width. Take larger frames, or --format "
            f"onnx or openvino, which take all. ({refusal})"
        ) from refusal

    return run


def as_array(value: torch.Tensor) -> np.ndarray:
    """A tensor as contiguous float32."""
    return value.detach().float().contiguous().numpy()


LOADERS: dict[str, Callable[[Path, str], RunGraph]] = {
    "onnx": load_onnx,
    "openvino": load_openvino,
    "torch-export": load_torch_export,
}
