"""The tables of CREMA-D: who its actors are, and what people saw in its clips."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..problems import name_some
from .whole_files import IS_POINTER, is_pointer

ACTORS_FILE, VOTES_FILE = "VideoDemographics.csv", "processedResults/summaryTable.csv"
_MAX_BYTES = 2**26
_CLASS_OF = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
_UNKNOWN = ("", "na", "unknown", "n/a", "none")
_OLDEST = 120  # years


@dataclass(frozen=True)
class Actor:
    """What is known of an actor: None where it is not. `age_group` is "20-29", ..., "60 and older"."""

    sex: str | None
    age_group: str | None
    race: str | None


NOBODY = Actor(None, None, None)


def find_table(data_dir: Path, name: str) -> Path | None:
    """A table in the folder, one above, or one below; also without the folder in its name."""
    below = sorted(path for path in data_dir.iterdir() if path.is_dir())
    for folder in (data_dir, data_dir.parent, *below):
        for relative in (name, Path(name).name):
            if (folder / relative).is_file():
                return folder / relative
    return None


def read_actors(file: Path, actors: Collection[str]) -> dict[str, Actor]:
    """
    Reads `VideoDemographics.csv`: the actors by their numbers, 1001 and up.

    Args:
        file: the table.
        actors: numbers of the actors that must be in it.

    Raises:
        ValueError: another table, or a value that cannot be.
    """
    rows = _read_rows(file, ("ActorID", "Age", "Sex", "Race"), "CREMA-D's table of actors")
    found = {}
    for line, row in enumerate(rows, start=2):
        age = row["Age"].strip()
        if not age.isdecimal() or not 1 <= int(age) <= _OLDEST:
            if age.lower() not in _UNKNOWN:
                raise ValueError(f"{file}, line {line}: the age is {age!r}; it must be 1 to {_OLDEST} years.")
            age = ""
        sex = row["Sex"].strip().lower()
        if sex not in ("male", "female", *_UNKNOWN):
            raise ValueError(f"{file}, line {line}: the sex is {row['Sex']!r}; it must be Male or Female.")
        race = row["Race"].strip()
        found[row["ActorID"].strip()] = Actor(
            None if sex in _UNKNOWN else sex, _age_group(age), None if race.lower() in _UNKNOWN else race
        )
    if missing := sorted(set(actors) - found.keys()):
        raise ValueError(
            f"{file} lacks {len(missing):,} of the actors whose clips are there ({name_some(missing)}): it is cut "
            "off, or that of another data set. Take the one that came with CREMA-D."
        )
    return found


def read_face_votes(file: Path, clips: Collection[str]) -> dict[str, list[str]]:
    """
    Reads `processedResults/summaryTable.csv`: for each clip the classes that most people saw in the face alone,
    several where they are equally many; a clip without a vote is not in it.

    Args:
        file: the table.
        clips: names of the clips that are asked for.

    Raises:
        ValueError: another table, or a vote that cannot be.
    """
    votes = {}
    names = set()
    for line, row in enumerate(_read_rows(file, ("FileName", "FaceVote"), "CREMA-D's table of votes"), start=2):
        name, letters = row["FileName"].strip(), row["FaceVote"].strip()
        names.add(name)
        if letters.lower() in _UNKNOWN:
            continue
        if unknown := [letter for letter in letters.split(":") if letter not in _CLASS_OF]:
            raise ValueError(
                f"{file}, line {line}: the vote of {name} is {letters!r}, and {unknown[0]!r} is none of "
                f"{', '.join(_CLASS_OF)}."
            )
        votes[name] = [_CLASS_OF[letter] for letter in letters.split(":")]
    if not names & set(clips):
        raise ValueError(
            f"{file} has {len(names):,} clips, and none of those that are there: it is that of another data set."
        )
    return votes


def _read_rows(file: Path, columns: Sequence[str], what: str) -> list[dict[str, str]]:
    if file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"{file} has more than {_MAX_BYTES >> 20} MiB: it is not {what}.")
    try:
        text = file.read_bytes().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file} is not {what}: it is no CSV in UTF-8 ({error}).") from None
    header = next(csv.reader(io.StringIO(text)), [])
    if missing := [name for name in columns if name not in header]:
        if is_pointer(file):
            raise ValueError(f"{file} {IS_POINTER}.")
        shown = ", ".join(header)[:80] or "nothing"
        raise ValueError(f"{file} is not {what}: its columns are {shown}; {missing[0]} is missing.")
    for line, row in enumerate(rows, start=2):
        if any(row[name] is None for name in columns):
            raise ValueError(f"{file}, line {line}: the row is cut off; take the table that came with CREMA-D.")
    return rows


def _age_group(age: str) -> str | None:
    if not age:
        return None
    decade = int(age) // 10 * 10
    return "60 and older" if decade >= 60 else f"{decade}-{decade + 9}"
