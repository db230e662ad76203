"""Values of JSON that have the fields and kinds of what this package writes, and others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pytest
from errors import raises_naming

from logoformer_hf.data.facts import DataFacts, LeftOutClip
from logoformer_hf.data.json_fields import check_fields


@dataclass
class Inner:
    share: float
    names: Sequence[str]


@dataclass
class Outer:
    number: int
    inner: Inner | None
    table: list[list[int]]
    by_name: Mapping[str, float | None]
    either: str | list[str]


WHOLE = {
    "number": 1,
    "inner": {"share": 1, "names": ["a"]},
    "table": [[1], []],
    "by_name": {"any -- name": None, "b": 0.5},
    "either": ["a"],
}


@pytest.mark.parametrize("change", [{}, {"inner": None}, {"either": "a"}, {"table": []}, {"by_name": {}}])
def test_values_of_their_kinds(change):
    check_fields(WHOLE | change, Outer)
    check_fields([WHOLE | change], [Outer])
    check_fields({"a": WHOLE | change}, {"a": Outer})


def test_a_missing_field_is_no_fault():
    check_fields({"number": 1}, Outer)


def test_facts_of_a_data_set():
    facts = DataFacts("dfew", "DFEW", 5, None, (LeftOutClip("a", "test", 1, "sad"),))
    check_fields(json.loads(json.dumps(asdict(facts))), DataFacts)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"note": 1}, "note"),
        ({"number": "1"}, "number"),
        ({"number": 1.0}, "number"),
        ({"number": True}, "number"),
        ({"number": None}, "number"),
        ({"inner": {"note": 1}}, "inner"),
        ({"inner": {"share": "a"}}, "inner.share"),
        ({"inner": {"names": [1]}}, "inner.names[0]"),
        ({"inner": []}, "inner"),
        ({"table": [[1], ["a"]]}, "table[1][0]"),
        ({"table": {}}, "table"),
        ({"by_name": {"a": "b"}}, "by_name.a"),
        ({"by_name": []}, "by_name"),
        ({"either": [1]}, "either[0]"),
        ({"either": {}}, "either"),
        ({"number": [[[[]]]]}, "number"),
        ({"number": "x" * 10_000}, "number"),
    ],
)
def test_other_values_are_named(change, named):
    with raises_naming(ValueError, named) as error:
        check_fields(WHOLE | change, Outer)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("value", [None, [], "a", 1])
def test_what_has_no_fields(value):
    with raises_naming(ValueError, "the file"):
        check_fields(value, Outer)
