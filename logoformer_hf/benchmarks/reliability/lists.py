"""Lists of clips with seeded faults: each is read, line for line, or refused with its name."""

import functools
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from datasets import DatasetDict

from ...data.sources.dfew import DFEW
from ...data.sources.list_formats import read_raw_list
from ...data.sources.lists import ClipList, read_lists
from .attempts import attempt
from .cases import Case, Kind, Tally, Workshop
from .trees import LISTS, write_dfew

LISTS_PER_CASE = 50
_LABELS = (
    "",
    " ",
    "nan",
    "-1",
    "+3",
    "7",
    "1e5",
    "0x3",
    "1.5",
    "3.0",
    "٣",
    "²",
    "9" * 5000,
    "Happy",
    "happy sad",
    "?",
)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1252", "utf-32", "utf-7")
_INSERTED = (b"\0", b"\xff", b'"', b"'", b"\r", b"\n\n", b"\t", b"\x0c", b"\x1a", b"\xc2\x85", b"\xe2\x80\xa8", b",")


def list_cases(workshop: Workshop) -> Iterator[Case]:
    """Lists in every format, and the official lists of a data set."""
    for name in LISTS:
        for seed in workshop.some(8, 1):
            yield Case(f"lists: {name}", f"seed {seed}", functools.partial(read_faulty, workshop, name, seed))
    for seed in workshop.some(4, 0):
        yield Case("a data set with a faulty list", f"seed {seed}", functools.partial(load_faulty, workshop, seed))


def read_faulty(workshop: Workshop, name: str, seed: int) -> Tally:
    """Reads a list of one format with faults, one fault or two at a time."""
    ending, content = LISTS[name]
    folder, tally = workshop.runs.new_folder(f"list {name} {seed}").parent, Tally()
    for number in range(LISTS_PER_CASE):
        file = folder / f"list-{number}{ending}"
        file.write_bytes(mutate(content, random.Random(f"{name} {seed} {number}")))
        read = functools.partial(read_lists, [file], official=name.startswith("DFEW"))
        attempt(tally, f"{name}, seed {seed}, list {number}", read, has_all_lines, [file.name], seconds=20)
        file.unlink()
    return tally


def has_all_lines(lists: list[ClipList]) -> bool:
    """Whether every line of a list has become a clip, apart from repetitions of a path."""
    file = lists[0].file
    paths = {clip.path for clip in read_raw_list(file).clips}
    if file.suffix != ".parquet":
        content = file.read_bytes()
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
        lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        if not len(lines) - 1 <= len(read_raw_list(file).clips) <= len(lines):  # there may be a header
            return False
    return {clip.path for clip in lists[0].clips} == paths


def load_faulty(workshop: Workshop, seed: int) -> Tally:
    """Loads DFEW with a faulty list to train on: all its clips become rows, or an error names the list or a clip."""
    root, tally = workshop.runs.new_folder(f"dfew {seed}"), Tally()
    write_dfew(root)
    file = root / "EmoLabel_DataSplit" / "train(single-labeled)" / "set_1.csv"
    content = file.read_bytes()
    for number in range(LISTS_PER_CASE // 2):
        file.write_bytes(mutate(content, random.Random(f"dfew {seed} {number}")))
        attempt(tally, f"seed {seed}, list {number}", lambda: load_dfew(root), has_all_rows, [root], seconds=60)
    shutil.rmtree(root.parent)
    return tally


def load_dfew(root: Path) -> tuple[DFEW, DatasetDict]:
    """The builder of the first fold and its rows."""
    builder = DFEW(root, cache_dir=root.parent / "cache", fold=1)
    return builder, builder.load()


def has_all_rows(loaded: tuple[DFEW, DatasetDict]) -> bool:
    """Whether every clip of the lists is a row."""
    builder, rows = loaded
    return sum(map(len, rows.values())) == len(builder.source.clips)


# --- faults


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Content with one fault, or with two."""
    for change in rng.sample(FAULTS_OF_LISTS, rng.randint(1, 2)):
        content = change(content, rng)
    return content


def insert(content: bytes, rng: random.Random) -> bytes:
    """Inserts a control character, a quote, a separator or a byte that is no text."""
    place = rng.randint(0, len(content))
    return content[:place] + rng.choice(_INSERTED) * rng.choice((1, 1, 1, 3)) + content[place:]


def flip(content: bytes, rng: random.Random) -> bytes:
    """Changes a bit of up to four bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4) if changed else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(content: bytes, rng: random.Random) -> bytes:
    """Cuts a part out, often to the end."""
    first, last = sorted(rng.randint(0, len(content)) for _ in range(2))
    return content[:first] + (b"" if rng.random() < 0.5 else content[last:])


def lengthen(content: bytes, rng: random.Random) -> bytes:
    """Puts a very long run of one or two characters somewhere: digits, blanks, separators, letters."""
    place = rng.randint(0, len(content))
    run = rng.choice((b"9", b" ", b" ,", b"\t;", b"a", b"1 ", b'"', b"\n")) * rng.choice((300, 20_000, 200_000))
    return content[:place] + run + content[place:]


def encode(content: bytes, rng: random.Random) -> bytes:
    """Saves the text in another encoding, with a letter in it that is not the same in all."""
    text = content.decode("utf-8", errors="replace").replace("/", "/für_", rng.choice((0, 1, 99)))
    return text.encode(rng.choice(_ENCODINGS), errors="replace")


def edit_line(content: bytes, rng: random.Random) -> bytes:
    """Changes, repeats, swaps or removes fields of one line, which may be the header."""
    lines = content.split(b"\n")
    number = rng.randrange(len(lines))
    between = next((each for each in (b",", b";", b" ") if each in lines[number]), b",")
    fields = lines[number].split(between)
    label = rng.choice(_LABELS).encode()
    changes: list[Callable[[], list[bytes]]] = [
        lambda: [*fields[:-1], label],
        lambda: fields[:-1],
        lambda: [*fields, label],
        lambda: fields[::-1],
        lambda: [b"", *fields[1:]],
        lambda: [fields[0], *fields],
    ]
    lines[number] = between.join(rng.choice(changes)())
    return b"\n".join(lines)


def edit_all_lines(content: bytes, rng: random.Random) -> bytes:
    """Another end of lines, another separator, all lines twice, shuffled, or their last field missing."""
    lines = content.split(b"\n")
    changes: list[Callable[[], bytes]] = [
        lambda: content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\x0b"))),
        lambda: content.replace(b",", rng.choice((b";", b"\t", b"|", b", "))),
        lambda: content + content,
        lambda: b"\n".join(rng.sample(lines, len(lines))),
        lambda: b"\n".join(line.rpartition(b",")[0] for line in lines),
        lambda: b"\n".join(lines[1:]),
        lambda: b"",
    ]
    return rng.choice(changes)()


FAULTS_OF_LISTS = (insert, flip, cut, lengthen, encode, edit_line, edit_all_lines)

FUZZED_LISTS = Kind(
    "lists",
    "Faulty lists",
    "Lists in the formats of DFEW, FERV39K and their users get one or two seeded faults: NUL and other bytes, numbers "
    "and lines of up to 200,000 characters, other encodings and ends of lines, fields that are missing, swapped or "
    f"one too many. A case reads {LISTS_PER_CASE}. Each must give a clip for every line, or one error that "
    "names the file, within 20 s.",
    list_cases,
)
