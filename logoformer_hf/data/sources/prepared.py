"""Prepared shards as a source of clips: what `logoformer prepare` wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..._files import read_json
from ..facts import SOURCE_FILE, DataFacts
from ..identity import with_content_ids
from ..json_fields import check_fields
from ..problems import Problem
from ..shard_contents import SETTINGS_FILE
from ..shards import load_shards, split_by_fold
from .source import ClipSource, FolderOptions, FoldOptions, Source


@dataclass
class PreparedOptions(FoldOptions, FolderOptions):
    """Command-line options of prepared shards."""

    def fold_numbers(self) -> Sequence[int]:
        """The folds of the data set; a ValueError if it has none."""
        facts = read_facts(self.folder)
        if facts.num_folds is None:
            raise ValueError(f"`fold` is {self.fold!r}, but the shards of {facts.dataset_name} have no folds.")
        return range(1, facts.num_folds + 1)


def read_facts(folder: str | Path) -> DataFacts:
    """
    The facts about the data set of the shards in a folder.

    Raises:
        FileNotFoundError: the folder holds no finished shards.
    """
    file = Path(folder) / SOURCE_FILE
    if not file.is_file():
        has_settings = (Path(folder) / SETTINGS_FILE).is_file()
        raise FileNotFoundError(
            f"{folder} is not a folder of prepared shards: it has no {SOURCE_FILE}."
            + (" Prepare it again, to the end, with the same arguments." if has_settings else "")
        )
    return facts_in(file)


def facts_in(file: Path) -> DataFacts:
    """The facts in a file. Raises a ValueError if it is damaged."""
    values = read_json(file)
    try:
        check_fields(values, DataFacts)
        return DataFacts.from_json(values)
    except (TypeError, ValueError) as error:  # the first where a fact is missing
        raise ValueError(f"{file} is damaged: it does not hold the facts of a data set ({error}).") from error


def load(options: PreparedOptions, fold: int | None, cache_dir: str | None) -> Source:
    """
    Rows of the shards, with the facts about the clips that were left out when they were made.

    Raises:
        FileNotFoundError: the folder has no finished shards.
        ValueError: `fold` is missing, or not a fold of the data set.
    """
    folder, facts = options.folder, read_facts(options.folder)
    if fold is None and facts.num_folds:
        raise ValueError(
            f"{folder} is {facts.dataset_name}, which is tested by fold: give `fold` 1 to {facts.num_folds}, or 'all'."
        )
    # Shards of earlier versions have no identifiers: they get those of the frames in them. Before rows are selected,
    # because adding a column to a selection would copy all frames.
    stored = load_shards(folder, cache_dir=cache_dir)
    rows = with_content_ids(stored)
    notes = [f"{folder}: shards of {facts.dataset_name}."]
    if identifies_copies := rows is not stored:
        notes.append(
            "They are of an earlier version and do not identify the clips that they were made from, so these are not "
            "recognised outside of these shards. Prepare them again in another folder to mend it."
        )
    if fold is None:
        left_out = facts.left_out
    else:
        rows = split_by_fold(rows, fold)
        left_out = tuple(replace(clip, split="test" if clip.fold == fold else "train") for clip in facts.left_out)
    return Source(
        rows,
        replace(facts, left_out=left_out),
        notes,
        [Problem(clip.clip_id, str(folder), "left out when the shards were made") for clip in left_out],
        identifies_copies=identifies_copies,
    )


SOURCE = ClipSource(
    name="prepared",
    title="shards that `logoformer prepare` wrote",
    options=PreparedOptions,
    load=load,
    is_on_disk=False,
)
