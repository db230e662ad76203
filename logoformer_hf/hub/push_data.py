"""Publishes a prepared data set, in a private repository only where its licence forbids redistribution."""

from pathlib import Path

from ..data.facts import SOURCE_FILE
from ..data.shards import SETTINGS_FILE
from ..data.sources.prepared import read_facts
from ..data.sources.table import check_may_be_public
from .cards import rename_card
from .push import PushError, commit_files, log_in, print_files

NEEDED = ("README.md", SETTINGS_FILE, SOURCE_FILE)


def is_prepared(folder: str | Path) -> bool:
    """Whether a folder has shards by `logoformer prepare`."""
    return (Path(folder) / SOURCE_FILE).is_file()


def push_shards(
    folder: str | Path, repo_id: str, *, private: bool = False, dry_run: bool = False, token: str | None = None
) -> str | None:
    """
    Publishes prepared shards with their card in one commit. A second call does not send a shard again.

    Args:
        folder: output folder of `logoformer prepare`.
        repo_id: `owner/name` on the Hub, created if missing.
        private: the repository is visible to its owner only. DFEW and FERV39K are rejected without it.
        dry_run: only prints the files and their sizes.
        token: token of the Hub; by default that of `hf auth login` or `HF_TOKEN`.

    Returns:
        Address of the commit; None after a dry run.

    Raises:
        PushError: the licence of the data set forbids it, a file is missing, or the Hub rejects the push.
    """
    folder = Path(folder)
    files = {name: folder / name for name in NEEDED}
    files |= {f"data/{file.name}": file for file in sorted((folder / "data").glob("*.parquet"))}
    missing = [name for name, file in files.items() if not file.is_file()]
    if len(files) == len(NEEDED):
        missing.append("data/*.parquet")
    if missing:
        raise PushError(
            f"{folder}: {', '.join(missing)} missing; give a finished output folder of `logoformer prepare`."
        )
    if not private:
        try:
            check_may_be_public(read_facts(folder))
        except ValueError as error:
            raise PushError(str(error)) from error
    print_files(f"datasets/{repo_id}", files)
    if dry_run:
        return None
    api, repo_id, _ = log_in(repo_id, token)
    card = rename_card((folder / "README.md").read_text(encoding="utf-8"), repo_id).encode()
    return commit_files(api, repo_id, files | {"README.md": card}, private=private, kind="dataset").commit_url
