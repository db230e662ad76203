"""The tables of clips that `datasets` keeps in its cache, with a digest of every file: a damaged one is made again."""

import shutil
from pathlib import Path

from ..._files import digest_of, read_json, write_json

_DIGESTS_FILE = "digests.json"


def seal_table(folder: str | Path) -> None:
    """Writes the digests of the files of a table that was just made."""
    files = [path for path in sorted(Path(folder).iterdir()) if path.is_file() and path.name != _DIGESTS_FILE]
    write_json(Path(folder) / _DIGESTS_FILE, {path.name: digest_of(path) for path in files})


def is_damaged(folder: str | Path) -> bool:
    """
    Whether a table differs from what was written. A folder that does not exist does not; nor does one of an earlier
    version, which has no digests. Files that `datasets` has added since are its own.
    """
    file = Path(folder) / _DIGESTS_FILE
    if not file.exists():
        return False
    try:
        return any(digest_of(file.with_name(name)) != digest for name, digest in dict(read_json(file)).items())
    except (OSError, ValueError, TypeError):
        return True


def is_there(folder: str | Path) -> bool:
    """Whether a table was made."""
    return Path(folder).exists()


def delete_table(folder: str | Path) -> None:
    """Deletes a table, so that it is made again."""
    shutil.rmtree(folder, ignore_errors=True)
