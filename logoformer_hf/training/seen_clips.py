"""Compares the clips of a run with those that its model was trained on before, and with one another."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from datasets import Dataset, DatasetDict

from ..data.facts import DataFacts
from ..data.identity import CONTENT_ID
from ..data.problems import name_some
from ..data.sources.table import has_official_split
from ..data.trained_on import (
    TRAINED_ON_FILE,
    DataPart,
    SeenClips,
    TrainedOn,
    Training,
    identifiers_of,
    read_trained_on,
)
from ..hub.training_data import trained_on_of
from .settings import ModelArguments

OPTION = "--allow_seen_clips"


def history_of(model: ModelArguments, checkpoint: str | None, folder: Path) -> TrainedOn:
    """
    The trainings behind the weights that a run begins with or goes on from.

    Args:
        model: which weights it begins with.
        checkpoint: folder of the checkpoint that the user named, or None.
        folder: folder of the run, whose own checkpoints may come from a checkpoint that was named earlier.
    """
    history = TrainedOn()
    if model.model_name_or_path:
        history = trained_on_of(model.model_name_or_path) or TrainedOn(is_complete=False)
    if model.backbone_checkpoint:  # without a record nobody knows, whatever the name of the file is
        history = history.joined(trained_on_of(model.backbone_checkpoint) or TrainedOn(is_complete=False))
    if checkpoint is not None and Path(checkpoint).is_dir():
        history = history.joined(trained_on_of(checkpoint) or TrainedOn(is_complete=False))
    for file in sorted(folder.glob(f"checkpoint-*/{TRAINED_ON_FILE}")):
        with suppress(ValueError):  # of a damaged checkpoint, which the run does not go on from
            history = history.joined(read_trained_on(file))
    return history


def compare_clips(
    run: str,
    rows: DatasetDict,
    history: TrainedOn,
    part: DataPart,
    *,
    is_held_out: bool,
    select_on: str,
    allow: bool,
    of_copies: bool = False,
) -> tuple[SeenClips, TrainedOn]:
    """
    Compares the clips that test a model, and those that choose its epoch, with all that it is and was trained on.

    Args:
        run: its name, for messages.
        rows: "train", "validation" and "test" with the column `content_id`.
        history: the earlier trainings of the model.
        part: the part of the data set that the rows are.
        is_held_out: whether "validation" is a part of the source's "train".
        select_on: what chooses the epoch: "validation"; "test", which is then also "validation" in `rows`; "last".
        allow: go on with clips that the model has seen; the result is marked.
        of_copies: as in `Training`.

    Returns:
        What was found, and all trainings of the model, this one included.

    Raises:
        ValueError: such clips, without `allow`.
    """
    is_apart = select_on == "validation"  # otherwise the tested clips choose, and the result is marked for that
    test, validation = clips_of(rows["test"]), clips_of(rows["validation"]) if is_apart else {}
    train, measured = (identifiers_of(rows[split][CONTENT_ID]) for split in ("train", "validation"))
    own = Training(part, select_on, train, measured, of_copies)
    history = history.without(own)
    now = own if is_apart else replace(own, validation=frozenset())
    tested = history.joined(TrainedOn((now,))).find(test, part, "test")
    chosen_now = TrainedOn((now,)).find(test, part, "test").chosen_on
    learned = [name for name, each in validation.items() if any(each in one.train for one in history.trainings)]
    shared = [name for name, each in validation.items() if each in own.train]
    if shared and (is_held_out or part.has_official_split):
        print(
            f"{run}: {len(shared):,} validation clips have the content of training clips: {name_some(shared)}. The "
            "choice of the epoch and the temperature of the scores rest on them, too."
        )
    else:
        learned = list(dict.fromkeys(learned + shared))
    if tested.equal:
        print(equal_clips_in_words(run, tested.equal))
    _refuse(
        run,
        {
            "test clips are clips that the model is trained on": tested.trained_on,
            "test clips are clips that its epoch is chosen on": chosen_now,
            "validation clips are clips that the model is trained on": learned,
        },
        allow,
    )
    seen = SeenClips(
        trained_on=len(tested.trained_on),
        chosen_on=len(tested.chosen_on),
        equal=len(tested.equal),
        validation_trained_on=len(learned),
        is_history_known=history.is_complete,
        is_comparable=history.is_comparable(of_copies),
    )
    return seen, history.joined(TrainedOn((own,)))


def compare_tested(
    model: str,
    record: TrainedOn | None,
    clips: Dataset,
    part: DataPart,
    split: str,
    allow: bool,
    of_copies: bool = False,
) -> SeenClips:
    """
    Compares the clips that a trained model is tested on with those that it was trained on.

    Args:
        model: its name or folder, for messages.
        record: its trainings, None where they are not recorded.
        clips: rows with the column `content_id`.
        part: the part of the data set that they are.
        split: their split.
        allow: go on with clips that the model was trained on; the result is marked.
        of_copies: as in `Training`, of the identifiers of these clips.

    Raises:
        ValueError: such clips, without `allow`.
    """
    record = TrainedOn(is_complete=False) if record is None else record
    found = record.find(clips_of(clips), part, split)
    if found.equal:
        print(equal_clips_in_words(model, found.equal))
    behind = ", ".join(dict.fromkeys(str(training.part) for training in record.trainings))
    _refuse(
        f"{model} (trained on {behind}), {part}, {split}",
        {f"{split} clips are clips that the model was trained on": found.trained_on},
        allow,
    )
    return SeenClips(
        len(found.trained_on),
        len(found.chosen_on),
        len(found.equal),
        is_history_known=record.is_complete,
        is_comparable=record.is_comparable(of_copies),
    )


def part_of(facts: DataFacts, fold: int | None) -> DataPart:
    """The part of a data set that a run of this fold is about."""
    return DataPart(facts.which, fold, has_official_split(facts))


def clips_of(rows: Dataset) -> dict[str, str | None]:
    """Identifiers by names."""
    return dict(zip(rows["clip_id"], rows[CONTENT_ID], strict=True))


def equal_clips_in_words(name: str, equal: Sequence[str]) -> str:
    """A sentence on clips that the authors of a data set list twice."""
    return (
        f"{name}: {len(equal):,} test clips have the content of training clips, as the authors of the data set "
        f"divided them: {name_some(equal)}."
    )


def _refuse(name: str, found: Mapping[str, Sequence[str]], allow: bool) -> None:
    faults = [f"{len(clips):,} {what}: {name_some(clips)}" for what, clips in found.items() if clips]
    if not faults:
        return
    said = f"{name}: {'; '.join(faults)}."
    if not allow:
        raise ValueError(
            f"{said} Clips are compared by their content, so links and copies count. Test on others, or add {OPTION}, "
            "which marks every result."
        )
    print(f"{said} Allowed by {OPTION}: every result is marked.")
