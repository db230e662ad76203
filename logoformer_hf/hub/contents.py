"""Checks that files are what this package writes under their names, before they are published."""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image
from safetensors import safe_open

from .._files import read_json_object
from ..configuration_logoformer import AUTO_MAP
from ..data.shard_contents import check_labels, first_row_without_frames
from ..data.trained_on import read_trained_on
from ..models.code_references import find_code_references
from ..models.finite import describe_tensors, non_finite_tensors

_PACKAGE = Path(__file__).parents[1]
# SHA-256 of the code that version 0.1 wrote beside its checkpoints.
CODE_OF_EARLIER_VERSIONS = {
    "configuration_logoformer.py": "87e925aae318ab4af78c013f29918f953f55bfe80335ec42d20e03f73c546129",
    "modeling_logoformer.py": "9115537cfbafb9f5f6cf81550ac737ab04e1082788be5c46d51d7afdc875fe7b",
    "video_processing_logoformer.py": "24af09b3743e24ac97576d739ec236625fc104fc98816768bf938b4467a10450",
}
# References to code that a configuration of this package has, all of them to files beside it.
_REFERENCES = {
    "config.json": AUTO_MAP,
    "video_preprocessor_config.json": {"AutoVideoProcessor": "video_processing_logoformer.LogoFormerVideoProcessor"},
}
# A field that each file has; another file under its name lacks it.
_FIELDS = {
    "config.json": "model_type",
    "video_preprocessor_config.json": "video_processor_type",
    "eval_results.json": "test_uar",
    "report.json": "seeds",
    "model.safetensors.index.json": "weight_map",
}
_MAX_TEXT_BYTES = 2**26
_END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"
_CHUNKS_OF_PNG = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"tRNS", b"gAMA", b"sRGB", b"sBIT", b"bKGD", b"cHRM"}


def own_file(folder: Path, name: str) -> Path:
    """
    A file of a folder that is about to be published.

    Args:
        folder: the folder, links resolved.
        name: path of the file in it.

    Raises:
        ValueError: it is a link, lies behind one, or is no regular file, so that something else would be sent.
    """
    file = folder
    for part in Path(name).parts:
        file = file / part
        if file.is_symlink():
            raise ValueError(f"{file} is a link to {file.readlink()}, and links are not sent; put the file there.")
    if not file.is_file():
        raise ValueError(f"{file} is not a file, but a folder, a pipe or a device.")
    return file


def check_content(file: Path) -> None:
    """
    Checks that a file of a model holds what its name says.

    Raises:
        ValueError: it does not; the message has the reason without the name of the file.
        SafetensorError, OSError: it cannot be read.
    """
    if file.suffix == ".safetensors":
        check_weights(file)
    elif file.suffix == ".parquet":
        read_trained_on(file)
    elif file.suffix == ".png":
        check_picture(file)
    elif file.stat().st_size > _MAX_TEXT_BYTES:
        raise ValueError(f"{file.stat().st_size / 1e6:,.0f} MB of text")
    elif file.suffix == ".json":
        check_json(file)
    elif file.suffix == ".md":
        check_markdown(file)
    elif file.suffix == ".py":
        check_code(file)


def check_weights(file: Path) -> None:
    """Raises a ValueError for weights that are infinite or NaN, a SafetensorError for another file."""
    with safe_open(file, framework="pt") as weights:
        names = weights.keys()
        if faulty := [name for name in names if non_finite_tensors({name: weights.get_tensor(name)})]:
            raise ValueError(f"infinite or NaN in {describe_tensors(faulty)}")


def check_picture(file: Path) -> None:
    """Raises a ValueError for a file that is no PNG, is damaged, or carries more than the picture."""
    content = file.read_bytes()
    try:
        with Image.open(file, formats=["PNG"]) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"no intact PNG: {error}") from error
    place = 8
    while place < len(content):
        kind = content[place + 4 : place + 8]
        if kind not in _CHUNKS_OF_PNG and not (kind == b"tEXt" and content[place + 8 :].startswith(b"Software\0")):
            raise ValueError(f"a PNG with a part {kind.decode('latin-1')!r} besides the picture")
        if kind == b"IEND":
            break
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    if not content.endswith(_END_OF_PNG) or place != len(content) - len(_END_OF_PNG):
        raise ValueError("a PNG with something behind the picture")


def check_json(file: Path) -> None:
    """Raises a ValueError for JSON without the fields of its name, or a configuration that refers to other code."""
    values = read_json_object(file)
    field = _FIELDS.get(file.name)
    if field is not None and field not in values:
        raise ValueError(f"it has no field {field!r}, which the file of this name has")
    if file.name == "model.safetensors.index.json":
        names = values["weight_map"].values() if isinstance(values["weight_map"], dict) else [None]
        if strange := [name for name in names if not (file.parent / str(name)).is_file() or "/" in str(name)]:
            raise ValueError(f"`weight_map` names {strange[0]!r}, which is no file beside it")
    if file.name in _REFERENCES:
        known = [("auto_map", *pair) for pair in _REFERENCES[file.name].items()]
        for where, value in find_code_references(values):
            if (*where, value) not in known:
                raise ValueError(
                    f"`{'.'.join(where)}` is {value!r}, a reference to code that is not this model's; load the model "
                    "with this package and save it again, which drops it"
                )


def check_markdown(file: Path) -> None:
    """Raises a ValueError for a text that is not the card, or not the report, that this package writes."""
    text = file.read_text(encoding="utf-8")
    if "\0" in text:
        raise ValueError("a NUL character, so it is no text")
    if file.name == "report.md":
        if not (text.startswith("# ") and "\n## UAR and WAR in percent" in text):
            raise ValueError("it does not begin with the heading of a report, followed by UAR and WAR")
        return
    start, _, rest = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not any(line.startswith("# ") for line in rest.splitlines()):
        raise ValueError("it is no card: metadata between lines of `---`, and a text with a heading")
    try:
        metadata = yaml.safe_load(start)
    except yaml.YAMLError as error:
        raise ValueError(f"its metadata are no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(metadata, dict):
        raise ValueError("its metadata are no fields with values")


def check_code(file: Path) -> None:
    """Raises a ValueError for code of a model that is not this package's own, byte by byte, with the difference."""
    content, own = file.read_bytes(), (_PACKAGE / file.name).read_bytes()
    if content == own or hashlib.sha256(content).hexdigest() == CODE_OF_EARLIER_VERSIONS.get(file.name):
        return
    lines, own_lines = content.splitlines(), own.splitlines()
    number = next(
        (number for number, (one, other) in enumerate(zip(lines, own_lines, strict=False)) if one != other),
        min(len(lines), len(own_lines)),
    )
    line, own_line = (
        repr(b"".join(each[number : number + 1]).decode(errors="replace")) for each in (lines, own_lines)
    )
    raise ValueError(
        f"it is not the code of this package: line {number + 1} is {line[:200]}, and {own_line[:200]} in the package. "
        "Load the model with this package and save it again, which writes the package's code beside it"
    )


def check_shard(file: Path, columns: set[str]) -> None:
    """
    Checks that a Parquet file holds clips with embedded JPEGs, and nothing else.

    Args:
        file: the shard.
        columns: names of the columns that it may have.

    Raises:
        ValueError: other columns, a frame that is no JPEG or has a path, or a label that does not exist.
    """
    with pq.ParquetFile(file) as shard:
        if strange := sorted(set(shard.schema_arrow.names) - columns):
            raise ValueError(f"{file} has the column {strange[0]}, which shards of this data set do not have")
        num_labels = number_of_labels(shard.schema_arrow.metadata)
        first = 0
        for batch in shard.iter_batches(batch_size=50, columns=["clip_id", "video", "label"]):
            names = batch.column("clip_id")
            check_labels(batch.column("label"), names, num_labels, file)
            number = first_row_without_frames(pa.chunked_array([batch.column("video")]))
            if number is not None:
                raise ValueError(
                    f"{file}, clip {names[number].as_py()}: a frame has no content, only a path, or there is no frame"
                )
            frames = batch.column("video").flatten()
            is_other = (each.as_py()[:2] != b"\xff\xd8" for each in frames.field("bytes"))
            if frames.field("path").null_count < len(frames) or any(is_other):
                raise ValueError(f"{file}, rows from {first}: a frame is no JPEG without a path; prepare them again")
            first += len(batch)


def number_of_labels(metadata: dict[bytes, bytes] | None) -> int:
    """How many classes the metadata of a shard by `datasets` name. Raises a ValueError where it has none."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return len(features["label"]["names"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("a shard without the names of its classes") from error
