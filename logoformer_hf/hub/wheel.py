"""
Builds the wheel of this package from the files of its installation: without network, without a build tool, and with
the same bytes each time. Repositories on the Hub carry it, so that their code finds the package.
"""

import base64
import hashlib
import io
import re
import zipfile
from importlib import metadata
from pathlib import Path

from .._files import hub_card_file, licence_file, whole_file

_PACKAGE = Path(__file__).parents[1]
_DISTRIBUTION = "logoformer-hf"
_TAG = "py3-none-any"  # Python code alone, for every system
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold; the real one would change the bytes
_MODE = 0o100644  # a regular file that its owner may write and everyone may read


def write_wheel(folder: str | Path) -> Path:
    """
    Writes the wheel of this package, as `build_wheel` builds it.

    Returns:
        The wheel in `folder`, which is created if missing.
    """
    name, content = build_wheel()
    path = Path(folder) / name
    with whole_file(path) as partial:
        partial.write_bytes(content)
    return path


def build_wheel() -> tuple[str, bytes]:
    """
    Builds the wheel of this package from a checkout (with its metadata: `pip install -e`), or an installed wheel.

    Returns:
        Name of the file, and its content.

    Raises:
        OSError: the package has no metadata, those of another version, or a file is missing.
    """
    distribution = _installed()
    stem = f"{_DISTRIBUTION.replace('-', '_')}-{distribution.version}"
    files = _package_files() | _metadata_files(distribution, f"{stem}.dist-info")
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items()]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, _MODE << 16
            wheel.writestr(entry, content)
    return f"{stem}-{_TAG}.whl", archive.getvalue()


def _installed() -> metadata.Distribution:
    """The metadata of the package, which must be those of the code that runs."""
    [version] = re.findall(r'^__version__ = "(.+)"$', (_PACKAGE / "__init__.py").read_text("utf-8"), re.MULTILINE)
    try:
        distribution = metadata.distribution(_DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise OSError(
            f"{_PACKAGE}: the package is not installed, and its wheel needs the metadata: run "
            f"`pip install -e {_PACKAGE.parent}`."
        ) from error
    if distribution.version != version:
        raise OSError(
            f"{_PACKAGE} is version {version}, but the installed metadata of {_DISTRIBUTION} are those of "
            f"{distribution.version}: install it again."
        )
    return distribution


def _package_files() -> dict[str, bytes]:
    """Path in the wheel -> content, of the code and of `hub_card/`, which a checkout has beside the package."""
    hub_card = hub_card_file("handler.py").parent
    files = {path: f"{_PACKAGE.name}/{path.relative_to(_PACKAGE).as_posix()}" for path in _PACKAGE.rglob("*.py")}
    files[_PACKAGE / "py.typed"] = f"{_PACKAGE.name}/py.typed"
    for path in files_below(hub_card):
        files[path] = f"{_PACKAGE.name}/hub_card/{path.relative_to(hub_card).as_posix()}"
    return {name: path.read_bytes() for path, name in sorted(files.items(), key=lambda item: item[1])}


def files_below(folder: Path) -> list[Path]:
    """
    The files of a folder of the package, in order, without links, hidden ones (as `.env` and what Gradio writes beside
    a Space that runs in a checkout), and compiled code.
    """
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    ]


def _metadata_files(distribution: metadata.Distribution, folder: str) -> dict[str, bytes]:
    """Path in the wheel -> content, of the metadata without `RECORD`."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    settings = f"Wheel-Version: 1.0\nGenerator: {_DISTRIBUTION}\nRoot-Is-Purelib: true\nTag: {_TAG}\n"
    return {
        f"{folder}/METADATA": text.encode(),
        f"{folder}/WHEEL": settings.encode(),
        f"{folder}/entry_points.txt": (distribution.read_text("entry_points.txt") or "").encode(),
        f"{folder}/licenses/LICENSE": licence_file().read_bytes(),
    }


def _digest(content: bytes) -> str:
    """SHA-256 as `RECORD` has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
