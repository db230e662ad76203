"""Publishing a prepared data set, to a private repository where its authors forbid more."""

from pathlib import Path

from ..data.facts import SOURCE_FILE
from ..data.shards import SETTINGS_FILE
from ..data.sources.prepared import read_facts
from ..data.sources.table import check_may_be_public
from .cards import rename_card
from .push import PushError, commit_files, log_in, print_files

NEEDED = ("README.md", SETTINGS_FILE, SOURCE_FILE)


def is_prepared(folder: str | Path) -> bool:
    """Whether a folder holds shards that `logoformer prepare` wrote."""
    return (Path(folder) / SOURCE_FILE).is_file()


def push_shards(
    folder: str | Path, repo_id: str, *, private: bool = False, dry_run: bool = False, token: str | None = None
) -> str | None:
    """
    Publishes prepared shards with their card in one commit; sent again, it sends no shard twice.

    Args:
        folder: what `logoformer prepare` wrote.
        repo_id: `owner/name` on the Hub, made where it is missing.
        private: only the owner sees it. DFEW and FERV39K are refused without.
        dry_run: only prints which files would leave and how large they are.
        token: of the Hub; by default that of `hf auth login` or `HF_TOKEN`.

    Returns:
        Address of the commit; None after a dry run.

    Raises:
        PushError: the authors of the data set forbid it, something is missing, or the Hub refuses.
    """
    folder = Path(folder)
    files = {name: folder / name for name in NEEDED}
    files |= {f"data/{file.name}": file for file in sorted((folder / "data").glob("*.parquet"))}
    missing = [name for name, file in files.items() if not file.is_file()]
    if len(files) == len(NEEDED):
        missing.append("data/*.parquet")
    if missing:
        raise PushError(f"{folder} is no finished folder of `logoformer prepare`: it lacks {', '.join(missing)}.")
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
