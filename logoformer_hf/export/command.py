"""The command `export`: from a model and its arguments to a folder that `--runtime` runs."""

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from .._files import check_writable, write_json
from ..data.sources.arguments import SourceArguments
from ..models.loading import check_has_classifier, load_pretrained
from .agreement import MAX_FLOAT32_DIFFERENCE, difference_on_another_size, measure_agreement
from .arguments import ExportArguments
from .clips import CALIBRATION_SPLIT, TEST_SPLIT, ExportClips, few_clips
from .folder import (
    CLASSIFIER_FILE,
    CONFIG_FILE,
    EXPORT_FILE,
    PRECISIONS,
    PROCESSOR_FILE,
    copy_beside,
    files_of_export,
    graph_digests,
    graph_files,
    remove_export,
)
from .graphs import GRAPHS, prepare
from .runtimes import ExportedModel
from .writers import check_installed, write_graphs

DRAWN_CLIPS = 64  # on which an export is compared where no data set is named
_LIBRARIES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "openvino", "nncf")


def export_model(name_or_path: str, args: ExportArguments, source_args: SourceArguments) -> dict[str, Any]:
    """
    Writes an export and compares it with the model.

    Args:
        name_or_path: folder of a trained LOGO-Former, or its name on the Hub.
        args: format, precision, folder.
        source_args: clips for calibration and comparison.

    Returns:
        What export.json holds.

    Raises:
        ValueError: no trained LOGO-Former, a precision that the format lacks, a library that is missing, a folder
            that holds something else, or an export in float32 that does not agree with the model.
        OSError: the folder cannot be written.
    """
    folder = Path(args.output_dir)
    if args.precision not in PRECISIONS[args.format]:
        accepted = " or ".join(PRECISIONS[args.format])
        raise ValueError(f"--precision {args.precision}: for --format {args.format} it must be {accepted}.")
    check_installed(args.format, args.precision)
    check_folder(folder)
    check_writable(folder)
    model, processor, has_classifier = load_pretrained(name_or_path)
    check_has_classifier(name_or_path, model, has_classifier)
    is_bf16 = (args.format, args.precision) == ("torch-export", "bf16")
    prepared = prepare(model, torch.bfloat16 if is_bf16 else torch.float32)  # type: ignore[arg-type]
    splits = [TEST_SPLIT, CALIBRATION_SPLIT] if args.precision == "int8" else [TEST_SPLIT]
    num_clips = args.calibration_clips, args.compare_clips or DRAWN_CLIPS
    clips = ExportClips(few_clips(source_args, *num_clips), processor, model, splits)
    model.eval()

    calibration: list[torch.Tensor] = []

    def samples(name: str) -> list[np.ndarray]:
        calibration[:] = calibration or clips.calibration(args.calibration_clips)  # decoded once for all graphs
        given = calibration
        with torch.inference_mode():
            values = given if GRAPHS[name].name == "pixel_values" else [prepared.encode_frames(each) for each in given]
        return [value.contiguous().numpy() for value in values]

    if folder.exists():
        remove_export(folder)  # export.json is there again when all the rest is
    folder.mkdir(parents=True, exist_ok=True)
    write_graphs(prepared, args.format, args.precision, folder, samples)
    save_file(
        {name: tensor.float().contiguous() for name, tensor in prepared.classifier.state_dict().items()},
        folder / CLASSIFIER_FILE,
    )
    model.config.to_json_file(folder / CONFIG_FILE)  # without the code that `save_pretrained` copies
    processor.to_json_file(folder / PROCESSOR_FILE)
    copy_beside(name_or_path, folder)
    description = describe(name_or_path, args, folder)
    exported = ExportedModel(folder, args.format, description)
    agreement = measure_agreement(model, exported, clips, args.compare_clips)
    if args.precision == "float32":
        check_difference(agreement.max_difference, f"on {agreement.num_clips} clips", args, folder)
        other = difference_on_another_size(model, exported)
        check_difference(other, "on noise of more and larger frames", args, folder)
    description["agreement"] = {"data": clips.source.facts.dataset_name, **agreement.values()}
    write_json(folder / EXPORT_FILE, description)
    return description


def check_folder(folder: Path) -> None:
    """
    Raises a `ValueError` for a folder with anything but an export, which may be interrupted or have further files
    beside it: nothing else is replaced.
    """
    found = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    is_interrupted = found <= files_of_export() and found & graph_files()
    if found and EXPORT_FILE not in found and not is_interrupted:
        raise ValueError(f"--output_dir {folder}: it holds something else than an export; choose another folder.")


def describe(name_or_path: str, args: ExportArguments, folder: Path) -> dict[str, Any]:
    """What export.json holds, without the comparison."""
    versions = {}
    for library in _LIBRARIES:
        try:
            versions[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return {
        "format": args.format,
        "precision": args.precision,
        "model": Path(name_or_path).resolve().name if Path(name_or_path).is_dir() else name_or_path,
        "graphs": {
            name: {"input": graph.name, "axes": list(graph.axes.values()), "outputs": list(graph.outputs)}
            for name, graph in GRAPHS.items()
        },
        "files": graph_digests(folder, args.format),
        "versions": versions,
    }


def check_difference(difference: float, where: str, args: ExportArguments, folder: Path) -> None:
    """Raises a `ValueError` for logits in float32 that are those of another model, and removes the export."""
    if not difference <= MAX_FLOAT32_DIFFERENCE:
        remove_export(folder)
        raise ValueError(
            f"the export gives other logits than the model {where}, by up to {difference:.3g}; it was removed. "
            f'Another version of the libraries may help: pip install --upgrade "logoformer-hf[{args.format}]".'
        )


def format_export(description: dict[str, Any]) -> str:
    """The comparison in sentences."""
    found = description["agreement"]
    text = (
        f"{found['num_clips']} clips of {found['data']}: {found['same_label']:.1%} get the same label; logits of up "
        f"to {found['max_logit']:.3g} differ by at most {found['max_difference']:.2g}."
    )
    if found["uar"] is not None:
        text += f" UAR {found['uar']['exported']:.1%}, of the model {found['uar']['model']:.1%}."
    return text
