"""The predictions of a model for every test clip, as a Parquet file with the facts of the run in its metadata."""

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, List, Value

from .._files import whole_file
from ..data.facts import DataFacts, LeftOutClip
from ..data.identity import CONTENT_ID
from ..data.seal import is_as_sealed, seal
from ..data.trained_on import SeenClips
from .prediction_checks import PEOPLE, check_columns, check_facts, check_values

PREDICTIONS_FILE = "predictions.parquet"
SELECTIONS = ("validation", "test", "last", "given")
FACTS_OF_ONE_RUN = (
    "fold",
    "seed",
    "left_out",
    "score_temperature",
    "seen_clips",
)  # the others are those of an experiment
_METADATA_KEY = b"logoformer_run"
_VERSION = 1  # of the file's columns and facts
# That older files of this version lack.
_ADDED_FACTS = ("score_temperature", "faces", "seen_clips", "train_share", "test_views")
# Where `training.runs.plan_runs` puts the folders of runs.
RUN_FOLDERS = ("", "fold-*/", "seed-*/", "fold-*/seed-*/")


@dataclass(frozen=True)
class RunInfo:
    """
    The facts of a run that are needed to interpret its scores, stored in the metadata of its predictions.

    Attributes:
        label_names: classes in the order of their numbers.
        data: the facts about the data set.
        seed: seed of the run.
        selection: clips that the epoch was chosen on: "validation" or "test"; or "last" (the last epoch, without a
            choice), or "given" (the model was trained before, nothing was chosen).
        model: description for reports, e.g. "LOGO-Former base".
        split: the split that was tested.
        fold: the fold that was tested, None for a data set with one split.
        trained_on: printable name of the data set that the model was trained on, where it differs from `data`.
        compact_loss: "margin", "center" or "none", or None where it is not known.
        compact_loss_weight: factor of the compact loss, or None.
        score_temperature: temperature of calibrated scores in the model's configuration, None for a model that is not
            calibrated. The stored scores are those of the model, without it.
        seen_clips: how many clips the model had met before, None in files of earlier versions, which did not compare.
        train_share: share of the clips to train on that were used, more than 0 and less than 1; None for all.
        test_views: views of each clip whose scores were averaged, more than 1; None for one.
    """

    label_names: Sequence[str]
    data: DataFacts
    seed: int
    selection: str
    model: str
    split: str = "test"
    fold: int | None = None
    trained_on: str | None = None
    compact_loss: str | None = None
    compact_loss_weight: float | None = None
    score_temperature: float | None = None
    seen_clips: SeenClips | None = None
    train_share: float | None = None
    test_views: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "label_names", tuple(self.label_names))
        if len(set(self.label_names)) != len(self.label_names):
            raise ValueError(
                f"`label_names` is {list(self.label_names)} and has a name twice; the names must be different"
            )
        if self.selection not in SELECTIONS:
            raise ValueError(f"`selection` is {self.selection!r}; it must be one of {', '.join(SELECTIONS)}")
        if (self.fold is None) != (self.data.num_folds is None):
            raise ValueError(f"`fold` is {self.fold} and `num_folds` is {self.data.num_folds}; give both or neither")
        if self.score_temperature is not None and not 0 < self.score_temperature < math.inf:
            raise ValueError(
                f"`score_temperature` is {self.score_temperature}; it must be a finite number of more than 0, or None"
            )

    @property
    def left_out(self) -> list[str]:
        """Names of the clips that the data set lists for this split and that could not be tested."""
        return self.data.left_out_of(self.split)

    def to_json(self) -> dict[str, Any]:
        """All facts as one flat dictionary, for the metadata of predictions and the start of `report.json`."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "data"}
        data = {field.name: getattr(self.data, field.name) for field in fields(self.data)}
        seen_clips = None if self.seen_clips is None else asdict(self.seen_clips)
        named = {"label_names": list(self.label_names), "left_out": self.left_out, "seen_clips": seen_clips}
        return own | data | named

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "RunInfo":
        """The inverse of `to_json`."""
        facts = dict(facts)
        left_out = tuple(LeftOutClip(clip_id, facts["split"], facts["fold"]) for clip_id in facts.pop("left_out"))
        if facts.get("seen_clips") is not None:
            facts["seen_clips"] = SeenClips(**facts["seen_clips"])
        of_data = {field.name: facts.pop(field.name) for field in fields(DataFacts) if field.name in facts}
        return cls(data=DataFacts(**of_data, left_out=left_out), **facts)

    @property
    def name(self) -> str:
        """Fold and seed, which distinguish the runs of an output folder."""
        return f"seed {self.seed}" if self.fold is None else f"fold {self.fold}, seed {self.seed}"

    @property
    def description(self) -> str:
        """Model and compact loss as text for reports."""
        if self.compact_loss in (None, "none"):
            loss = {None: "", "none": ", no compact loss"}[self.compact_loss]
        else:
            loss = f", compact loss {self.compact_loss} x {self.compact_loss_weight:g}"
        share = "" if self.train_share is None else f", {100 * self.train_share:g} % of the training clips"
        trained_on = f", trained on {self.trained_on}" if self.trained_on else ""
        views = "" if self.test_views is None else f", tested on {self.test_views} views of each clip"
        return self.model + loss + share + trained_on + views

    @property
    def marks(self) -> list[str]:
        """Why the scores of this run are not those of clips that the model never met; empty where they are."""
        marks = ["chosen on the test set"] if self.selection == "test" else []
        seen = self.seen_clips or SeenClips()
        if seen.trained_on:
            marks.append(f"trained on {seen.trained_on:,} of the tested clips")
        if self.selection == self.split == "validation":
            marks.append("chosen on the tested clips")
        elif seen.chosen_on and self.selection != "test":
            marks.append(f"chosen on {seen.chosen_on:,} of the tested clips")
        if seen.validation_trained_on:
            marks.append(f"chosen on {seen.validation_trained_on:,} clips that it was trained on")
        return marks

    @property
    def mark(self) -> str:
        """Remark to print with every score of this run: `marks` in brackets, or empty."""
        return f" ({'; '.join(self.marks)})" if self.marks else ""


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one run for its test clips.

    Attributes:
        run: the facts of the run.
        clip_ids: one per clip, all different.
        labels: true class numbers, shape (clips,).
        predictions: predicted class numbers, shape (clips,).
        scores: softmax of the logits, shape (clips, classes), float32.
        embeddings: shape (clips, width), float32, or None for a model without embeddings.
        content_ids: identifiers of the clips by their content, see `data.identity`, or None where they are not known,
            as in files of earlier versions.
        people: who is in the clips, and what is known of them: by the names of the columns in `data.rows` a text for
            each clip, None where it is not known. Empty for clips of whose people nothing is known.
    """

    run: RunInfo
    clip_ids: Sequence[str]
    labels: np.ndarray
    predictions: np.ndarray
    scores: np.ndarray
    embeddings: np.ndarray | None
    content_ids: Sequence[str] | None = None
    people: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    @property
    def confusion_matrix(self) -> np.ndarray:
        """Numbers of clips, shape (classes, classes), rows are true classes, columns predicted ones."""
        num_classes = len(self.run.label_names)
        cells = np.bincount(self.labels * num_classes + self.predictions, minlength=num_classes**2)
        return cells.reshape(num_classes, num_classes)


def people_of(rows: Dataset) -> dict[str, list[str | None]]:
    """What rows say of the people in them, for `write_predictions`."""
    return {name: list(rows[name]) for name in PEOPLE if name in rows.column_names}


def softmax_scores(logits: np.ndarray) -> np.ndarray:
    """The scores that are stored for logits `(clips, classes)`: their softmax as float32, of the same shape."""
    logits = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: np.ndarray = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return scores


def write_predictions(
    path: str | Path,
    clip_ids: Sequence[str],
    labels: np.ndarray | Sequence[int],
    logits: np.ndarray,
    embeddings: np.ndarray | None,
    run: RunInfo,
    content_ids: Sequence[str | None] | None = None,
    people: Mapping[str, Sequence[str | None]] | None = None,
) -> None:
    """
    Writes one row per clip: `clip_id`, `label`, `prediction`, `scores` and, where there are any, `embedding`,
    `content_id` and what is known of the people.

    `datasets` reads the label numbers as `ClassLabel`s, pandas as numbers. An error leaves no partial file.

    Args:
        path: file to write, usually `PREDICTIONS_FILE` in the run's folder.
        clip_ids: one per clip, all different.
        labels: true class numbers, shape (clips,).
        logits: shape (clips, classes).
        embeddings: shape (clips, width), or None.
        run: the facts of the run.
        content_ids: one per clip, see `data.identity`. Where one is missing, none is stored.
        people: as in `Predictions`.

    Raises:
        ValueError: no clips, different lengths, a duplicate clip, a label that is no class number, or a value that is
            not finite.
    """
    path = Path(path)
    logits = np.asarray(logits, dtype=np.float64)
    labels = np.asarray(labels, dtype=np.int64)
    if logits.ndim != 2 or logits.shape[1] != len(run.label_names):
        raise ValueError(
            f"`logits` has shape {logits.shape}; with the classes {list(run.label_names)} it must be "
            f"(clips, {len(run.label_names)})"
        )
    predictions = Predictions(
        run=run,
        clip_ids=list(clip_ids),
        labels=labels,
        predictions=logits.argmax(axis=1),
        scores=softmax_scores(logits),
        embeddings=None if embeddings is None else np.asarray(embeddings, dtype=np.float32),
        content_ids=_all_or_none(content_ids),
        people=dict(people or {}),
    )
    check_values(predictions, "predictions")

    number = ClassLabel(names=list(run.label_names))
    features = {"clip_id": Value("string"), "label": number, "prediction": number, "scores": List(Value("float32"))}
    columns = [pa.array(predictions.clip_ids, pa.string()), pa.array(labels), pa.array(predictions.predictions)]
    columns.append(_list_array(predictions.scores))
    if predictions.embeddings is not None:
        features["embedding"] = List(Value("float32"))
        columns.append(_list_array(predictions.embeddings))
    if predictions.content_ids is not None:
        features[CONTENT_ID] = Value("string")
        columns.append(pa.array(predictions.content_ids, pa.string()))
    for name, values in predictions.people.items():
        features[name] = Value("string")
        columns.append(pa.array(values, pa.string()))
    schema = Features(features).arrow_schema
    facts = json.dumps({"version": _VERSION} | run.to_json())
    schema = schema.with_metadata({**schema.metadata, _METADATA_KEY: facts.encode()})
    schema = seal(schema, _parts(schema.metadata, predictions))

    with whole_file(path) as partial:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), partial)


def read_predictions(path: str | Path) -> Predictions:
    """
    Reads what `write_predictions` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no Parquet file, a missing column or one of another type, no facts of a run, or values that no run
            has: scores that do not add up to 1, a prediction that is not the class with the largest score.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    try:
        table = pq.read_table(path, partitioning=None)  # `fold-1/` is a folder, not a column
        check_columns(table, str(path))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last for the names of columns
        raise ValueError(f"{path}: not a readable Parquet file ({error})") from error
    run = _read_facts(path, table.schema.metadata or {})
    predictions = Predictions(
        run=run,
        clip_ids=table["clip_id"].to_pylist(),
        labels=table["label"].to_numpy(),
        predictions=table["prediction"].to_numpy(),
        scores=_matrix(table, "scores", path),
        embeddings=_matrix(table, "embedding", path) if "embedding" in table.column_names else None,
        content_ids=_all_or_none(table[CONTENT_ID].to_pylist()) if CONTENT_ID in table.column_names else None,
        people={name: table[name].to_pylist() for name in PEOPLE if name in table.column_names},
    )
    check_values(predictions, str(path))
    if not is_as_sealed(table.schema.metadata, _parts(table.schema.metadata, predictions)):
        raise ValueError(f"{path}: the file was damaged or changed after it was written")
    return predictions


def _parts(metadata: Mapping[bytes, bytes], predictions: Predictions) -> Iterator[bytes]:
    """All that the file says, for its seal."""
    yield metadata[_METADATA_KEY]
    yield from (clip_id.encode() for clip_id in predictions.clip_ids)
    for values in (predictions.labels, predictions.predictions, predictions.scores, predictions.embeddings):
        yield b"" if values is None else np.ascontiguousarray(values).tobytes()
    yield from (content_id.encode() for content_id in predictions.content_ids or ())
    for name, people in predictions.people.items():  # none in files of earlier versions
        yield name.encode()
        yield json.dumps(list(people)).encode()


def find_predictions(folder: str | Path) -> list[Path]:
    """
    Prediction files of an output folder with one run or several, sorted by fold and then seed.

    Raises:
        FileNotFoundError: no such folder, or no predictions in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    found = [path for pattern in RUN_FOLDERS for path in folder.glob(f"{pattern}{PREDICTIONS_FILE}")]
    if not found:
        raise FileNotFoundError(
            f"{folder}: there is no {PREDICTIONS_FILE} in it, nor in its folders fold-… or seed-…; give the output "
            "folder of a tested run"
        )
    return sorted(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path.relative_to(folder)))])


def load_runs(folder: str | Path) -> list[Predictions]:
    """Reads all predictions of an output folder. Raises the errors of `find_predictions` and `read_predictions`."""
    return [read_predictions(path) for path in find_predictions(folder)]


def group_by_seed(runs: Sequence[Predictions]) -> dict[int, list[Predictions]]:
    """
    Groups the runs of one experiment by seed, sorted by fold.

    Raises:
        ValueError: no runs, runs that differ in more than fold and seed, two runs of one fold and seed, or a clip that
            is tested in two folds (pooled over folds every clip must count once).
    """
    if not runs:
        raise ValueError("no runs: at least one is needed for a report")
    first = runs[0].run
    by_seed: dict[int, list[Predictions]] = {}
    for predictions in sorted(runs, key=lambda predictions: (predictions.run.seed, predictions.run.fold or 0)):
        run = predictions.run
        for name, ours in _shared_facts(first).items():
            theirs = _shared_facts(run)[name]
            if ours != theirs:
                raise ValueError(
                    f"{first.name} has {name} {ours!r} and {run.name} has {theirs!r}; runs of one experiment "
                    "must differ in fold and seed only"
                )
        of_seed = by_seed.setdefault(run.seed, [])
        if any(other.run.fold == run.fold for other in of_seed):
            raise ValueError(f"{run.name} occurs twice; there must be one run for each fold and seed")
        of_seed.append(predictions)

    for of_seed in by_seed.values():
        tested_in: dict[str, RunInfo] = {}
        for predictions in of_seed:
            for clip_id in predictions.clip_ids:
                if (other := tested_in.setdefault(clip_id, predictions.run)) is not predictions.run:
                    raise ValueError(
                        f"clip {clip_id} is tested by {other.name} and again by {predictions.run.name}; every clip "
                        "must be tested once per seed"
                    )
    return by_seed


def joint_info(runs: Sequence[Predictions]) -> RunInfo:
    """The facts of the first run, with the clips that any of the models had met."""
    seen = [predictions.run.seen_clips for predictions in runs]
    known = [each for each in seen if each is not None]
    joint = functools.reduce(SeenClips.plus, known) if known else None
    if joint is not None and len(known) < len(seen):
        joint = replace(joint, is_history_known=False)
    return replace(runs[0].run, seen_clips=joint)


def _shared_facts(run: RunInfo) -> dict[str, Any]:
    """The facts that are the same in all runs of one experiment."""
    return {name: value for name, value in run.to_json().items() if name not in FACTS_OF_ONE_RUN}


def _read_facts(path: Path, metadata: dict[bytes, bytes]) -> RunInfo:
    if _METADATA_KEY not in metadata:
        raise ValueError(
            f"{path}: the metadata {_METADATA_KEY.decode()!r} with the facts of the run is missing; the file was "
            "written by another program, or saved again by a tool that drops metadata"
        )
    try:
        facts = dict(json.loads(metadata[_METADATA_KEY]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: the facts of the run are damaged ({error})") from error
    if (version := facts.pop("version", None)) != _VERSION:
        raise ValueError(f"{path}: the file has version {version!r}; it must have version {_VERSION}")
    facts = dict.fromkeys(_ADDED_FACTS) | facts
    known = {field.name for field in (*fields(RunInfo), *fields(DataFacts))} - {"data"}
    if differing := sorted(known ^ set(facts)):
        raise ValueError(f"{path}: field {differing[0]!r} of the run's facts is missing or unknown")
    check_facts(facts, str(path))
    try:
        return RunInfo.from_json(facts)
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def _all_or_none(content_ids: Sequence[str | None] | None) -> list[str] | None:
    """The identifiers, None where one is missing."""
    known = [identifier for identifier in content_ids or () if identifier is not None]
    return known if content_ids is not None and len(known) == len(content_ids) else None


def _list_array(matrix: np.ndarray) -> pa.ListArray:
    rows, columns = matrix.shape
    return pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * columns, matrix.ravel())


def _matrix(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """A column of lists of one length as an array of shape (rows, length)."""
    column = table[name].combine_chunks()
    if len(lengths := np.unique(column.value_lengths())) > 1 or lengths[0] == 0:
        raise ValueError(f"{path}: the lists of column {name!r} are empty or have different lengths")
    matrix: np.ndarray = column.flatten().to_numpy().reshape(len(column), -1)
    return matrix
