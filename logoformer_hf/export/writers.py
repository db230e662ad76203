"""Writes graphs to files: ONNX, OpenVINO's own format, or a program of torch.export."""

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .folder import graph_file
from .graphs import GRAPHS, trace
from .quantise import quantise_onnx, quantise_openvino

# Modules that writing needs besides torch, and the extra that installs them.
NEEDED = {
    ("onnx", "float32"): ("onnx", "onnxscript", "onnxruntime"),
    ("onnx", "int8"): ("onnx", "onnxscript", "onnxruntime"),
    ("openvino", "float32"): ("onnx", "onnxscript", "openvino"),
    ("openvino", "bf16"): ("onnx", "onnxscript", "openvino"),
    ("openvino", "int8"): ("onnx", "onnxscript", "openvino", "nncf"),
}
Samples = Callable[[str], Sequence[np.ndarray]]


def check_installed(form: str, precision: str) -> None:
    """Raises a `ValueError` where a library that writes this format is not installed."""
    if lost := [name for name in NEEDED.get((form, precision), ()) if find_spec(name) is None]:
        raise ValueError(
            f'--format {form} --precision {precision} needs {", ".join(lost)}: pip install "logoformer-hf[{form}]".'
        )


def write_graphs(
    prepared: Any, form: str, precision: str, folder: Path, samples: Samples, names: Iterable[str] = GRAPHS
) -> None:
    """
    Writes the graphs of a model.

    Args:
        prepared: a model of `graphs.prepare`.
        form, precision: of the files.
        folder: where they are written.
        samples: gives inputs of a graph by its name, on which int8 is calibrated.
        names: which graphs.
    """
    for name in names:
        program, value = trace(prepared, name)
        file = graph_file(folder, name, form)
        if form == "torch-export":
            torch.export.save(program, file)
            continue
        onnx_file = file if form == "onnx" else folder / f".{name}.onnx"
        write_onnx(program, value, name, onnx_file)
        if form == "openvino":
            write_openvino(onnx_file, file, name, precision, samples)
            onnx_file.unlink()
        elif precision == "int8":
            quantise_onnx(file, GRAPHS[name], samples(name))


def write_onnx(program: Any, value: torch.Tensor, name: str, file: Path) -> None:
    """Writes a graph as one ONNX file, with the weights inside."""
    graph = GRAPHS[name]
    axes: Any = (dict(graph.axes),)  # names for the axes
    written: Any = torch.onnx.export(
        program,
        (value,),
        dynamo=True,
        input_names=[graph.name],
        output_names=list(graph.outputs),
        dynamic_shapes=axes,
        verbose=False,
    )
    written.save(str(file), external_data=False)


def write_openvino(onnx_file: Path, file: Path, name: str, precision: str, samples: Samples) -> None:
    """Converts an ONNX file to OpenVINO's own format, in int8 by NNCF; bf16 is chosen when it runs."""
    import openvino

    model = openvino.convert_model(str(onnx_file))
    if precision == "int8":
        model = quantise_openvino(model, GRAPHS[name], samples(name))
    openvino.save_model(model, str(file), compress_to_fp16=False)
