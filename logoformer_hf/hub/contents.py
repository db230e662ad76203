"""Checks that files are what this package writes under their names, before they are published."""

import hashlib
import json
import tempfile
from pathlib import Path

from .._files import read_json_object
from ..data.trained_on import read_trained_on, write_trained_on
from .json_contents import check_json
from .parquet_contents import check_record
from .picture_contents import check_picture
from .text_contents import REPORT_FILE, check_model_card, check_report
from .weight_contents import check_weights

_PACKAGE = Path(__file__).parents[1]
# SHA-256 of the code that version 0.1 wrote beside its checkpoints.
CODE_OF_EARLIER_VERSIONS = {
    "configuration_logoformer.py": "87e925aae318ab4af78c013f29918f953f55bfe80335ec42d20e03f73c546129",
    "modeling_logoformer.py": "9115537cfbafb9f5f6cf81550ac737ab04e1082788be5c46d51d7afdc875fe7b",
    "video_processing_logoformer.py": "24af09b3743e24ac97576d739ec236625fc104fc98816768bf938b4467a10450",
}
_MAX_TEXT_BYTES = 2**26


def own_file(folder: Path, name: str) -> Path:
    """
    A file of a folder that is about to be published. It may have other names on the disk (hard links), which cannot be
    told from it: what is sent is decided by what is in it.

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
    try:
        if file.suffix == ".safetensors":
            check_weights(file)
        elif file.suffix == ".parquet":
            read_trained_on(file)
            check_record(file)
        elif file.stat().st_size > _MAX_TEXT_BYTES:
            raise ValueError(f"{file.stat().st_size / 1e6:,.0f} MB of text, or of a picture")
        elif file.suffix == ".png":
            check_picture(file)
        elif file.suffix == ".json":
            check_json(file)
        elif file.suffix == ".py":
            check_code(file)
        elif file.name == REPORT_FILE:
            check_report(file)
        elif file.suffix == ".md":
            check_model_card(file)
    except RecursionError as error:
        raise ValueError("its fields are nested too deeply") from error


def as_written(file: Path) -> Path | bytes:
    """
    What is published of a file that was checked: JSON and the record of training clips as this package writes what it
    reads of them, so that blanks, spellings of numbers and fields of Parquet that nobody reads stay behind.

    Returns:
        The file itself, or its content.
    """
    if file.suffix == ".json":
        return (json.dumps(read_json_object(file), indent=2) + "\n").encode()
    if file.suffix == ".parquet":
        with tempfile.TemporaryDirectory() as folder:
            write_trained_on(Path(folder, file.name), read_trained_on(file))
            return Path(folder, file.name).read_bytes()
    return file


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
