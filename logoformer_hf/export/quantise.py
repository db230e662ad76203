"""
int8 by the runtimes' own tools, calibrated on clips: onnxruntime.quantization, and NNCF for OpenVINO.

The classifier, seven rows at most of the time, stays in float32.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .graphs import GraphInput


def quantise_onnx(file: Path, graph: GraphInput, samples: Sequence[np.ndarray]) -> None:
    """Quantises weights and activations of the matrix products and convolutions of an ONNX file, in place."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Samples(CalibrationDataReader):
        """Gives the samples one by one, as the library asks for them."""

        def __init__(self) -> None:
            self.inputs: Iterator[dict[str, np.ndarray]] = iter([{graph.name: each} for each in samples])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.inputs, None)

    prepared = file.with_name(f".prepared-{file.name}")
    try:
        quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(str(prepared)).graph.node
        quantize_static(
            str(prepared),
            str(file),
            Samples(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            nodes_to_exclude=[node.name for node in nodes if "logits" in node.output],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    finally:
        prepared.unlink(missing_ok=True)


def quantise_openvino(model: Any, graph: GraphInput, samples: Sequence[np.ndarray]) -> Any:
    """A quantised copy of an OpenVINO model."""
    import nncf

    nncf.set_log_level(logging.ERROR)  # of what it does otherwise, layer by layer
    last = [
        output.get_node().input_value(0).get_node().input_value(0).get_node().get_friendly_name()
        for output in model.outputs
        if "logits" in output.get_names()
    ]
    ignored = nncf.IgnoredScope(names=[*last], validate=False) if last else None
    return nncf.quantize(
        model,
        nncf.Dataset(list(samples), lambda each: {graph.name: each}),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
        ignored_scope=ignored,
    )
