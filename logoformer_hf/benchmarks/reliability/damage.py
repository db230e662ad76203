"""Files of runs and of data that are empty, half as long or changed in a byte."""

import functools
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets

from ...data.folder_lock import LOCK_FILE
from ...data.shards import load_shards, prepare_shards
from ...data.sources.dfew import DFEW
from ...evaluation.predictions import PREDICTIONS_FILE, Predictions, read_predictions
from ...training.checkpoints import list_checkpoints, list_files
from ...training.output_files import OUTPUT_FILES
from ...training.run_files import RESULTS_FILE
from .attempts import attempt
from .cases import LOSS, RIGHT, Case, Kind, Tally, Workshop
from .kills import go_on
from .programs import start_forked
from .small_run import TIME_FILE, difference
from .trees import write_dfew

# What a kill before the test leaves out.
_AFTER_THE_TEST = tuple(file.pattern for file in OUTPUT_FILES if "after" in file.when or "finished" in file.when)


def empty(content: bytes, rng: random.Random) -> bytes:
    """Nothing is left."""
    return b""


def halve(content: bytes, rng: random.Random) -> bytes:
    """The first half is left."""
    return content[: len(content) // 2]


def flip_byte(content: bytes, rng: random.Random) -> bytes:
    """One byte is another."""
    place = rng.randrange(max(len(content), 1))
    return (
        content[:place]
        + bytes(byte ^ rng.randint(1, 255) for byte in content[place : place + 1])
        + content[place + 1 :]
    )


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "empty": empty,
    "half": halve,
    "a byte changed": flip_byte,
}


def damage_cases(workshop: Workshop) -> Iterator[Case]:
    """Every file of the newest checkpoint and of an unfinished run; predictions, shards and caches."""
    undisturbed = workshop.runs.undisturbed()
    newest = next(iter(list_checkpoints(undisturbed).values()))
    of_checkpoint = [f"{newest.name}/{name}" for name in ("manifest.json", *list_files(newest))]
    left_out = {TIME_FILE, LOCK_FILE}  # nothing is read from them
    of_run = [path.name for path in sorted(unfinished(workshop, "names").iterdir()) if path.is_file()]
    of_run = [name for name in of_run if name not in left_out]
    for group, names in (("files of the newest checkpoint", of_checkpoint), ("files of an unfinished run", of_run)):
        chosen = [(name, how) for name in names for how in DAMAGES]
        if workshop.is_short:
            chosen = random.Random(group).sample(chosen, 1)
        for name, how in chosen:
            yield Case(group, f"{name}, {how}", functools.partial(resume_damaged, workshop, name, how))
    seeds = 5 if workshop.is_short else 200
    yield Case("predictions", f"{seeds} seeds", functools.partial(read_damaged_predictions, workshop, seeds))
    seeds = 2 if workshop.is_short else 20
    for name, read in (("prepared shards", damage_shards), ("tables of clips in the cache", damage_cache)):
        yield Case(name, f"{seeds} seeds", functools.partial(read, workshop, seeds))


def unfinished(workshop: Workshop, name: str) -> Path:
    """A copy of the undisturbed run as a kill before its test leaves it."""
    folder = workshop.runs.new_folder(f"damaged {name}")
    shutil.copytree(workshop.runs.undisturbed(), folder)
    for pattern in _AFTER_THE_TEST:
        for file in folder.glob(pattern):
            file.unlink()
    return folder


def resume_damaged(workshop: Workshop, name: str, how: str) -> Tally:
    """Damages one file of an unfinished run and gives the same command."""
    folder = unfinished(workshop, f"{name} {how}".replace("/", " "))
    damage(folder / name, how, random.Random(f"{name} {how}"))
    verdict, note = go_on(start_forked, workshop.runs.command(folder), folder)
    if verdict == RIGHT and (changed := difference(workshop.runs.undisturbed(), folder)):
        verdict, note = LOSS, changed
    shutil.rmtree(folder.parent)
    return Tally.of(verdict, f"{name}, {how}: {note}")


def damage(file: Path, how: str, rng: random.Random) -> None:
    """Damages a file in one of the ways of `DAMAGES`."""
    file.write_bytes(DAMAGES[how](file.read_bytes(), rng))


def damaged_in_turn(folder: Path, files: list[Path], seeds: int) -> Iterator[tuple[str, Path]]:
    """Damages each of these files in each way, changed bytes with every seed, and puts it back after each."""
    for file in files:
        content = file.read_bytes()
        for how, change in DAMAGES.items():
            for seed in range(seeds if change is flip_byte else 1):
                file.write_bytes(change(content, random.Random(f"{file.name} {seed}")))
                yield f"{file.relative_to(folder)}, {how}, seed {seed}", file
        file.write_bytes(content)


# --- what is read in this process


def read_damaged_predictions(workshop: Workshop, seeds: int) -> Tally:
    """Predictions are read as they were written, or refused with the name of their file."""
    folder = workshop.runs.new_folder("predictions")
    folder.mkdir()
    file = shutil.copy(workshop.runs.undisturbed() / PREDICTIONS_FILE, folder / PREDICTIONS_FILE)
    whole, tally = facts_of(read_predictions(file)), Tally()
    for note, _ in damaged_in_turn(folder, [Path(file)], seeds):
        attempt(tally, note, lambda: facts_of(read_predictions(file)), whole.__eq__, [file])
    return tally


def facts_of(predictions: Predictions) -> tuple[object, ...]:
    """All that predictions hold, in a form that can be compared."""
    arrays = (predictions.labels, predictions.predictions, predictions.scores, predictions.embeddings)
    contents = tuple(b"" if array is None else array.tobytes() for array in arrays)
    ids = tuple(predictions.clip_ids), tuple(predictions.content_ids or ())
    return str(predictions.run), *ids, *contents


def damage_shards(workshop: Workshop, seeds: int) -> Tally:
    """Prepared shards: files of frames, of settings and of facts, read into an empty cache."""
    place = workshop.runs.new_folder("shards")
    rows = DFEW(write_dfew(place / "DFEW"), cache_dir=place / "cache", fold=1).load()
    folder, tally = place / "shards", Tally()
    prepare_shards(rows, folder, side_px=16, num_workers=0)

    def read() -> str:
        shutil.rmtree(place / "cache", ignore_errors=True)
        return digest_of_rows(load_shards(folder, cache_dir=place / "cache"))

    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    whole = read()
    for note, _ in damaged_in_turn(folder, files, seeds):
        attempt(tally, note, read, whole.__eq__, [folder])
    return tally


def damage_cache(workshop: Workshop, seeds: int) -> Tally:
    """The tables that `datasets` keeps of clips on the disk, which are read in place of the lists."""
    place = workshop.runs.new_folder("cache")
    root, cache, tally = write_dfew(place / "DFEW"), place / "cache", Tally()

    def read() -> str:
        return digest_of_rows(DFEW(root, cache_dir=cache, fold=1).load())

    whole = read()
    files = [path for path in sorted(cache.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    for note, _ in damaged_in_turn(cache, files, seeds):
        attempt(tally, note, read, whole.__eq__, [cache])
    return tally


def digest_of_rows(rows: datasets.DatasetDict) -> str:
    """All values of all rows, frames as they are stored."""
    return repr({split: [row for row in clips.with_format("arrow").to_list()] for split, clips in rows.items()})


DAMAGE = Kind(
    "damage",
    "Damaged files",
    "Each file of the newest checkpoint of an unfinished run, and each file beside its checkpoints, is emptied, cut "
    "to half its length or changed in one byte, and the same command is given: it must end bit-equal to the "
    "undisturbed run, or name the file. Predictions, prepared shards and cached tables are read after the same "
    f"damages, changed bytes with many seeds. Model and `{RESULTS_FILE}` of a finished run carry no digest and are "
    "left out.",
    damage_cases,
)
