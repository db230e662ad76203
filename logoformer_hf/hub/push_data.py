"""Publishes a prepared data set, in a private repository only where its licence forbids redistribution."""

import tempfile
from pathlib import Path

from ..data.facts import SOURCE_FILE
from ..data.identity import CONTENT_ID
from ..data.rows import clip_features
from ..data.shard_contents import SETTINGS_FILE, shard_files
from ..data.sources.prepared import read_facts
from ..data.sources.table import check_may_be_public, source_of
from .cards import rename_card
from .contents import as_written, own_file
from .facts_contents import check_facts, check_settings
from .parquet_contents import as_written as shard_as_written
from .parquet_contents import check_shard, description_of
from .push import Content, PushError, commit_files, log_in, only_own_contents, print_files
from .text_contents import check_dataset_card

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
        private: the repository is visible to its owner only. Data that may not be passed on, as DFEW, are
            rejected without it.
        dry_run: only prints the files and their sizes.
        token: token of the Hub; by default that of `hf auth login` or `HF_TOKEN`.

    Returns:
        Address of the commit; None after a dry run.

    Raises:
        PushError: the licence of the data set forbids it, a file is missing or is not what `logoformer prepare` wrote,
            or the Hub rejects the push.
    """
    folder = Path(folder).resolve()
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    missing += [] if any((folder / "data").glob("*.parquet")) else ["data/*.parquet"]
    if missing:
        raise PushError(
            f"{folder}: {', '.join(missing)} missing; give a finished output folder of `logoformer prepare`."
        )
    with only_own_contents():
        files = data_files(folder)
    if not private:
        try:
            check_may_be_public(read_facts(folder))
        except ValueError as error:
            raise PushError(str(error)) from error
    with tempfile.TemporaryDirectory() as scratch:
        with only_own_contents():
            contents = contents_of_data(files, Path(scratch))
        print_files(f"datasets/{repo_id}", contents)
        if dry_run:
            return None
        api, repo_id, _ = log_in(repo_id, token)
        card = rename_card((folder / "README.md").read_text(encoding="utf-8-sig"), repo_id).encode()
        return commit_files(api, repo_id, contents | {"README.md": card}, private=private, kind="dataset").commit_url


def data_files(folder: Path) -> dict[str, Path]:
    """
    The files of a folder of shards that are published: path in the repository -> file.

    Raises:
        ValueError, FileNotFoundError: shards are missing, or a file is not what `logoformer prepare` writes.
    """
    files = {name: own_file(folder, name) for name in NEEDED}
    facts = read_facts(folder)
    for name, check in (
        ("README.md", check_dataset_card),
        (SETTINGS_FILE, check_settings),
        (SOURCE_FILE, check_facts),
    ):
        try:
            check(files[name])
        except ValueError as error:
            raise ValueError(f"{files[name]}: {error}.") from error
    source = source_of(facts)
    columns = {*clip_features(), CONTENT_ID, *(source.columns if source else ())}
    shards_of = {
        split: {f"data/{shard.name}": own_file(folder, f"data/{shard.name}") for shard in shards}
        for split, shards in sorted(shard_files(folder).items())
    }
    description = description_of([shard for shards in shards_of.values() for shard in shards.values()])
    names: dict[str, Path] = {}  # of the clips, with their shard
    for shards in shards_of.values():
        for name, shard in shards.items():
            files[name] = shard
            check_shard(shard, columns, description, names)
    return files


def contents_of_data(files: dict[str, Path], scratch: Path) -> dict[str, Content]:
    """What is sent of files that were checked: as this package writes what it reads of them, and not a byte more."""
    contents: dict[str, Content] = {}
    description = description_of([file for file in files.values() if file.suffix == ".parquet"])
    for name, file in files.items():
        is_shard = file.suffix == ".parquet"
        contents[name] = shard_as_written(file, scratch, description) if is_shard else as_written(file)
        if contents[name] != file and is_shard:
            print(f"{name} is sent with the same rows, written anew: its bytes are not those of this version.")
    return contents
