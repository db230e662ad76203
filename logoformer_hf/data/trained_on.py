"""
The clips that a model was trained on, in all its trainings, by their content: a file that stays beside its weights.

It holds digests of content (`data.identity`) and no names or paths of clips, 16 bytes a clip.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._files import whole_file
from .facts import DataFacts
from .identity import DIGEST_BYTES
from .json_fields import check_fields

TRAINED_ON_FILE = "trained_on.parquet"
METADATA_KEY = b"logoformer_trained_on"
_VERSION = 1
_SPLITS = ("train", "validation")
_COLUMNS = ["content_id", "training", "split"]
_STORED_TRAINING = {
    **{"data": DataFacts, "fold": int | None, "has_official_split": bool, "select_on": str, "of_copies": bool},
    **{"dataset": str, "dataset_name": str, "setup": str | None},  # of the first versions
}
# What is raised for other content, by pyarrow, by `json` and by what takes their values.
_DAMAGES = (pa.ArrowException, ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
_STORED_FACTS = {"version": int, "is_complete": bool, "trainings": [_STORED_TRAINING]}


@dataclass(frozen=True)
class DataPart:
    """
    The part of a data set that a training or a test is about.

    Attributes:
        data: which data set it is: `DataFacts.which`.
        fold: number of the fold, None without folds.
        has_official_split: whether its authors decided which clips train and which test.
    """

    data: DataFacts
    fold: int | None
    has_official_split: bool

    def __str__(self) -> str:
        fold = None if self.fold is None else f"fold {self.fold}"
        return ", ".join(filter(None, (self.data.dataset_name, self.data.setup, fold)))


@dataclass(frozen=True)
class Training:
    """
    One training of a model.

    Attributes:
        part: where its clips are from.
        select_on: what chose the epoch: "validation" or "test" clips, or "last": none did.
        train: identifiers of the clips that it learned from.
        validation: identifiers of those that its epochs were measured on, the test clips with `select_on` "test".
        of_copies: whether the identifiers are those of resized copies of the clips, as in shards of version 0.1.
    """

    part: DataPart
    select_on: str
    train: frozenset[str]
    validation: frozenset[str]
    of_copies: bool = False


@dataclass(frozen=True)
class FoundClips:
    """
    Names of clips that a model has met before.

    Attributes:
        trained_on: it was trained on them.
        chosen_on: an epoch of it was chosen on them.
        equal: they have the content of training clips within one official split, whose authors list a clip twice.
    """

    trained_on: tuple[str, ...] = ()
    chosen_on: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainedOn:
    """
    All trainings of a model that are known.

    Attributes:
        trainings: from the first to the last.
        is_complete: whether there were no others, as of a model that began with weights of unknown origin.
    """

    trainings: tuple[Training, ...] = ()
    is_complete: bool = True

    def joined(self, other: "TrainedOn") -> "TrainedOn":
        """The trainings of both, each once."""
        both = tuple(dict.fromkeys(self.trainings + other.trainings))
        return TrainedOn(both, self.is_complete and other.is_complete)

    def without_choice(self) -> "TrainedOn":
        """The same, where the last training ended without a choice of its epoch."""
        *before, last = self.trainings
        return replace(self, trainings=(*before, replace(last, select_on="last")))

    def is_comparable(self, of_copies: bool) -> bool:
        """Whether clips with identifiers of this kind would be found in every training."""
        return all(training.of_copies == of_copies for training in self.trainings)

    def without(self, training: Training) -> "TrainedOn":
        """All trainings but this one."""
        return replace(self, trainings=tuple(each for each in self.trainings if each != training))

    def find(self, clips: Mapping[str, str | None], part: DataPart, split: str) -> FoundClips:
        """
        The clips that the model has met.

        Args:
            clips: identifiers by names; a clip without one is in no training.
            part: the part of the data set that they are from.
            split: their split. Only test clips of an official split can be `equal`.
        """
        found: dict[str, list[str]] = {"trained_on": [], "chosen_on": [], "equal": []}
        for name, identifier in clips.items():
            met = {_how_met(training, identifier, part, split) for training in self.trainings}
            if how := next((how for how in found if how in met), None):
                found[how].append(name)
        return FoundClips(**{how: tuple(names) for how, names in found.items()})


def _how_met(training: Training, identifier: str | None, part: DataPart, split: str) -> str | None:
    """How a training met a clip: a field of `FoundClips`, None where it did not."""
    is_twice = split == "test" and part.has_official_split and training.part == part
    if identifier in training.train:
        return "equal" if is_twice else "trained_on"
    if identifier not in training.validation or training.select_on == "last":
        return None
    return "equal" if is_twice and training.select_on == "validation" else "chosen_on"


@dataclass(frozen=True)
class SeenClips:
    """
    How many clips of a result the model had met, for its report.

    Attributes:
        trained_on: tested clips that it was trained on, now or earlier.
        chosen_on: tested clips that an epoch of it was chosen on, other than by `select_on` "test" of this run.
        equal: tested clips with the content of training clips, within an official split.
        validation_trained_on: clips that chose the epoch and that it had been trained on.
        is_history_known: whether all its trainings are recorded.
        is_comparable: whether the clips of all these trainings would be recognised among the tested ones; those of
            shards of version 0.1 are recognised in these shards alone.
    """

    trained_on: int = 0
    chosen_on: int = 0
    equal: int = 0
    validation_trained_on: int = 0
    is_history_known: bool = True
    is_comparable: bool = True

    def plus(self, other: "SeenClips") -> "SeenClips":
        """The counts of two runs together."""
        return SeenClips(
            **{
                name: value and getattr(other, name) if isinstance(value, bool) else value + getattr(other, name)
                for name, value in asdict(self).items()
            }
        )


def write_trained_on(path: str | Path, record: TrainedOn) -> None:
    """Writes a row for each clip of each training: `content_id`, `training` (its number) and `split`."""
    rows = [
        (identifier, number, place)
        for number, training in enumerate(record.trainings)
        for place, identifiers in enumerate((training.train, training.validation))
        for identifier in sorted(identifiers)
    ]
    columns = [
        pa.array([bytes.fromhex(identifier) for identifier, _, _ in rows], pa.binary(DIGEST_BYTES)),
        pa.array([number for _, number, _ in rows], pa.int16()),
        pa.DictionaryArray.from_arrays(pa.array([place for _, _, place in rows], pa.int8()), list(_SPLITS)),
    ]
    facts = {
        "version": _VERSION,
        "is_complete": record.is_complete,
        "trainings": [
            asdict(each.part) | {"select_on": each.select_on, "of_copies": each.of_copies} for each in record.trainings
        ],
    }
    table = pa.table(columns, names=_COLUMNS)
    with whole_file(path) as partial:
        table = table.replace_schema_metadata({METADATA_KEY: json.dumps(facts).encode()})
        pq.write_table(table, partial, use_dictionary=["training", "split"])


def read_trained_on(path: str | Path) -> TrainedOn:
    """
    Reads what `write_trained_on` wrote.

    Raises:
        ValueError: the file is damaged, or not such a file; the message names it.
        OSError: it cannot be read.
    """
    try:
        table = pq.read_table(path, partitioning=None)
        facts = json.loads(table.schema.metadata[METADATA_KEY])
        check_fields(facts, _STORED_FACTS)
        names, kinds = table.column_names, table.schema.types
        if facts["version"] != _VERSION or names != _COLUMNS or kinds[0] != pa.binary(DIGEST_BYTES):
            raise ValueError(f"version {facts['version']}, columns {', '.join(names)}"[:300])
        for chunk in table["split"].dictionary_encode().chunks:
            if strange := set(chunk.dictionary.to_pylist()) - set(_SPLITS):
                raise ValueError(f"a split called {str(min(strange, key=str))[:100]!r}")
        identifiers: list[tuple[list[str], ...]] = [([], []) for _ in facts["trainings"]]
        for row in table.to_pylist():
            identifiers[row["training"]][_SPLITS.index(row["split"])].append(row["content_id"].hex())
        trainings = tuple(
            _read_training(stored, *clips)
            for stored, clips in zip(facts["trainings"], map(_frozen, identifiers), strict=True)
        )
    except _DAMAGES as error:
        raise ValueError(
            f"{path} is no record of the clips that a model was trained on, or is damaged ({error}). Without it "
            "nobody knows on which clips the model may be tested: take it from a copy of the model."
        ) from error
    return TrainedOn(trainings, bool(facts["is_complete"]))


def _read_training(stored: dict[str, Any], train: frozenset[str], validation: frozenset[str]) -> Training:
    older = {name: stored[name] for name in ("dataset", "dataset_name", "setup") if name in stored}
    data = stored.get("data", older)
    part = DataPart(DataFacts.from_json(data), stored["fold"], stored["has_official_split"])
    return Training(part, stored["select_on"], train, validation, stored.get("of_copies", False))


def identifiers_of(content_ids: Sequence[str | None]) -> frozenset[str]:
    """The identifiers of clips; those without one are left out."""
    return frozenset(identifier for identifier in content_ids if identifier is not None)


def _frozen(of_splits: Sequence[Sequence[str]]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(identifiers) for identifiers in of_splits)
