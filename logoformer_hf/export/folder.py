"""What lies in the folder of an export: export.json, the graphs, the model's configuration and processor."""

import shutil
from pathlib import Path
from typing import Any

from .._files import digest_of, read_json_object
from ..data.trained_on import TRAINED_ON_FILE
from .graphs import GRAPHS

EXPORT_FILE = "export.json"
CLASSIFIER_FILE = "classifier.safetensors"
CONFIG_FILE, PROCESSOR_FILE = "config.json", "video_preprocessor_config.json"
CARD_FILE = "README.md"
ENDINGS = {"onnx": ".onnx", "openvino": ".xml", "torch-export": ".pt2"}
PRECISIONS = {
    "onnx": ("float32", "int8"),
    "openvino": ("float32", "bf16", "int8"),
    "torch-export": ("float32", "bf16"),
}


def graph_files() -> set[str]:
    """Names of the files of graphs in all formats, and of those that an interrupted export leaves of them."""
    names = {f"{name}{ending}" for name in GRAPHS for ending in (*ENDINGS.values(), ".bin")}
    return {f"{begin}{name}" for name in names for begin in ("", ".", ".partial-", ".prepared-")}


def files_of_export() -> set[str]:
    """Names of all files that an export writes, in any format, also where it is interrupted."""
    others = {EXPORT_FILE, CLASSIFIER_FILE, CONFIG_FILE, PROCESSOR_FILE, CARD_FILE, TRAINED_ON_FILE}
    return graph_files() | others | {f".partial-{name}" for name in others}


def remove_export(folder: Path) -> None:
    """Removes the files of an export, and the folder where nothing else is in it."""
    for name in files_of_export():
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def graph_file(folder: Path, name: str, form: str) -> Path:
    """The file of a graph."""
    return folder / f"{name}{ENDINGS[form]}"


def graph_digests(folder: Path, form: str) -> dict[str, str]:
    """SHA-256 of all files of the graphs by their names: which export it is."""
    files = [folder / f"{name}{ENDINGS[form]}" for name in GRAPHS]
    weights = [file.with_suffix(".bin") for file in files if file.with_suffix(".bin").is_file()]
    return {file.name: digest_of(file) for file in [*files, *weights]}


def copy_beside(model: str | Path, folder: Path) -> None:
    """Copies the record of the clips that a model was trained on, and its card, where there are any."""
    for name in (TRAINED_ON_FILE, CARD_FILE):
        if (Path(model) / name).is_file():
            shutil.copyfile(Path(model) / name, folder / name)


def read_export(folder: str | Path, runtime: str) -> dict[str, Any]:
    """
    The description of an export.

    Args:
        folder: where it is.
        runtime: that it must be for.

    Raises:
        ValueError: there is none, it is for another runtime, or files are missing or damaged.
    """
    folder = Path(folder)
    file = folder / EXPORT_FILE
    if not file.is_file():
        raise ValueError(
            f"{folder} has no {EXPORT_FILE}, so it is no finished export: `logoformer export MODEL --format {runtime} "
            f"--output_dir {folder}` writes one; for the model itself leave out --runtime."
        )
    description = read_json_object(file)
    form = description.get("format")
    if form != runtime:
        raise ValueError(f"{folder} was exported for {form!r}: run it with --runtime {form}, or export it again.")
    files = description.get("files", {})
    lost = [name for name in files if not (folder / name).is_file()]
    lost += [name for name in (CLASSIFIER_FILE, CONFIG_FILE, PROCESSOR_FILE) if not (folder / name).is_file()]
    if lost:
        raise ValueError(f"{folder}: {lost[0]} is missing; export it again.")
    if changed := [name for name, digest in files.items() if digest_of(folder / name) != digest]:
        raise ValueError(f"{folder}: {changed[0]} is not the file that was exported; export it again.")
    return description
