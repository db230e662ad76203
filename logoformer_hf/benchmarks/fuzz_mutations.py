"""Mutations of bytes, texts and values of JSON, each a function of a random generator."""

import copy
import json
import random
from contextlib import suppress
from typing import Any

_WHOLE_NUMBERS = (0, -1, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 10**12, 10**400)
_NUMBERS = (*_WHOLE_NUMBERS, 1e308, float("nan"), float("inf"), 0.5)
_PLACES = ("../../etc/passwd", "/dev/zero", "someone/evil--evil.Class")
_TEXTS = (*_PLACES, "", " ", "\0", "x" * 10_000, "<script>", "\u202e")
_VALUES: tuple[Any, ...] = (*_NUMBERS, *_TEXTS, None, True, False, [], {}, [[]], {"": None}, list(range(50_000)))
_FIELDS = ("auto_map", "custom_pipelines", "num_labels", "model_type", "id2label", "dtype", "attn_implementation")
_LINES = ("/dev/zero 1", "../../x happy", "path,label", "a,b,c", "x" * 200_000, '"a,1')
_LETTERS = ("", "\0", "9" * 4_400)
_CHUNK = 64


def mutate_bytes(content: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """One to eight changes: flipped, overwritten, removed, repeated and inserted bytes, numbers, parts of others."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.randint(1, _CHUNK))
        change = rng.randrange(9)
        if change == 0 and data:
            data[min(start, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif change == 1:
            data[start:end] = rng.choice((b"\0", b"\xff", b"\x7f")) * (end - start)
        elif change == 2:
            data[start:end] = rng.randbytes(end - start)
        elif change == 3:
            del data[start:end]
        elif change == 4:
            data[start:start] = data[start:end] * rng.choice((1, 2, 500))
        elif change == 5:
            del data[start:]
        elif change == 6:
            number = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 0x7FFFFFF0, 0xFFFF, 100_000_000))
            data[start : start + 4] = number.to_bytes(4, rng.choice(("big", "little")))
        elif change == 7:
            other = rng.choice(others)
            place = rng.randrange(len(other) + 1)
            data[start:end] = other[place : place + rng.randint(1, 4 * _CHUNK)]
        else:  # another byte at the beginning, where formats are recognised and described
            place = rng.randrange(min(len(data), 200) + 1)
            data[place : place + 1] = rng.randbytes(1)
    return bytes(data)


def mutate_text(text: str, rng: random.Random) -> bytes:
    """A list with a line that is changed, repeated, removed, of another format, or made to do harm."""
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(lines) + 1)
        line = lines[min(place, len(lines) - 1)] if lines else ""
        change = rng.randrange(8)
        if change == 0:
            lines.insert(place, line)
        elif change == 1 and lines:
            del lines[min(place, len(lines) - 1)]
        elif change == 2:
            lines.insert(place, rng.choice(_LINES))
        elif change == 3:
            lines.insert(place, line.replace(" ", rng.choice((" " * 8_000, "\t", ",", ";", ""))))
        elif change == 4:
            letter = rng.randrange(len(line) + 1)
            lines.insert(place, line[:letter] + rng.choice(_LETTERS) + line[letter + 1 :])
        elif change == 5:
            lines.insert(place, line + rng.choice((" 9", ",happy", " " * 70_000, "\x0b\x0c\x85", "\ud7ff", "é" * 300)))
        elif change == 6:
            rng.shuffle(lines)
        else:
            lines.insert(place, "_" * rng.choice((10, 8_000)) + line + "/a" * rng.choice((1, 4_000)))
    content = rng.choice(("\n", "\n", "\r\n", "\r")).join(lines).encode()
    return mutate_bytes(content, [content], rng) if rng.random() < 0.3 else content


def mutate_json(values: Any, rng: random.Random) -> Any:
    """A copy of JSON values in which one to four fields are replaced, removed or added."""
    values = copy.deepcopy(values)
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = _holders(values)
        if not places:
            return rng.choice(_VALUES)
        holder, key = rng.choice(places)
        change = rng.randrange(6)
        if change == 0:
            del holder[key]
        elif change == 1 and isinstance(holder, dict):
            holder[rng.choice((*_FIELDS, "x", ""))] = copy.deepcopy(rng.choice(_VALUES))
        elif change == 2 and isinstance(holder[key], (int, float)):
            holder[key] *= rng.choice((-1, 10, 1_000, 10**6))
            with suppress(OverflowError):  # an int that no float can hold
                holder[key] += rng.choice((0, 1, 0.5))
        else:
            holder[key] = copy.deepcopy(rng.choice(_VALUES))
    return values


def mutate_json_text(values: Any, rng: random.Random) -> bytes:
    """JSON of mutated values, in one of four cases with mutated bytes."""
    content = json.dumps(mutate_json(values, rng)).encode()
    if rng.random() < 0.02:
        return b"[" * 100_000
    return mutate_bytes(content, [content], rng) if rng.random() < 0.25 else content


def _holders(values: Any) -> list[tuple[Any, Any]]:
    """All holders of values and the keys or indices in them."""
    found: list[tuple[Any, Any]] = []
    keys = values.keys() if isinstance(values, dict) else range(len(values)) if isinstance(values, list) else ()
    for key in keys:
        found.append((values, key))
        found += _holders(values[key])
    return found
