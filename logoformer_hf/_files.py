"""Writes files completely or not at all, and finds the templates and the licence that belong to the package."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent
_DISTRIBUTION = "logoformer-hf"
_CHUNK_BYTES = 1 << 20

logger = logging.getLogger(__name__)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """
    Yields a temporary path to write to; the file is renamed to `path` when it is complete, and deleted after an error.

    The temporary file is in the same folder, and its name begins with a dot and keeps the ending. If the caller
    deletes it, a file that was at `path` before is kept.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        if partial.exists():
            partial.replace(path)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk has no name for it
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Writes text in UTF-8, completely or not at all; ends of lines are written as they are."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")  # the same bytes on every system


def write_json(path: str | Path, value: Any) -> None:
    """Writes a value as JSON with an indent of two, completely or not at all."""
    write_text(path, json.dumps(value, indent=2) + "\n")


def read_json(path: str | Path) -> Any:
    """
    The value of a JSON file.

    Raises:
        ValueError: it is no file, or not JSON in UTF-8; the message names it.
    """
    if Path(path).exists() and not Path(path).is_file():  # to open a pipe may wait for ever
        raise ValueError(f"{path} is not a file.")
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python converts
        raise ValueError(f"{path} is damaged: it is not JSON ({error}).") from error


def read_json_object(path: str | Path) -> dict[str, Any]:
    """
    The object in a JSON file.

    Raises:
        ValueError: the file has something else; the message names it.
        OSError: it cannot be read.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged: it holds a {type(value).__name__}, and not an object with fields.")
    return value


def digest_of(file: Path) -> str:
    """SHA-256 of the content of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def error_as_warning(what: str) -> Iterator[None]:
    """
    Logs an error as a warning and goes on; for what can be made again from files that are written.

    Args:
        what: beginning of the warning, before the reason.
    """
    try:
        yield
    except Exception as error:  # whatever it is, what was written before it is worth more
        logger.warning("%s (%s: %s)", what, type(error).__name__, error)


def check_writable(folder: str | Path) -> None:
    """
    Checks that a folder is writable, or, if it does not exist yet, the nearest folder above it that does.

    Raises:
        OSError: nothing can be written there; the message names the folder and the reason.
    """
    folder = Path(folder).absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(4096))  # an empty file finds room on a full disk
            file.flush()
    except OSError as error:
        raise OSError(f"{folder}: nothing can be written there ({error.strerror or error}).") from error


def hub_card_file(name: str) -> Path:
    """
    Path of a file of `hub_card/`: card templates, handler, Space. In a wheel the folder is inside the package, in a
    checkout (also one installed with `pip install -e`) beside it.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    places = (_PACKAGE / "hub_card" / name, _PACKAGE.parent / "hub_card" / name)
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(
        f"hub_card/{name} is neither in {places[0].parent} nor in {places[1].parent}: the installation of "
        f"{_DISTRIBUTION} is incomplete, install it again."
    )


def licence_file() -> Path:
    """
    Path of the licence of the code: in a checkout beside the package, otherwise in the distribution's metadata.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    beside = _PACKAGE.parent / "LICENSE"
    if beside.exists() and (_PACKAGE.parent / "pyproject.toml").exists():
        return beside
    try:
        files = metadata.files(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "LICENSE":
            return Path(str(file.locate()))
    raise FileNotFoundError(f"the LICENSE of {_DISTRIBUTION} is not installed; install it again.")
