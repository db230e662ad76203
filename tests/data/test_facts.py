"""The facts about a data set, from its source to report and card."""

import json
from dataclasses import asdict

import pytest
from toys import data_facts

from logoformer_hf.data.facts import DataFacts, LeftOutClip

LEFT_OUT = (LeftOutClip("00017", "test", 2), LeftOutClip("00018", "train", 3), LeftOutClip("00019", "test", 2))


@pytest.mark.parametrize(
    "facts",
    [
        data_facts(),
        data_facts(num_folds=5, left_out=LEFT_OUT),
        data_facts("ferv39k", "FERV39K", setup="Action", left_out=(LeftOutClip("Action/Happy/0001", "test"),)),
    ],
)
def test_facts_survive_json(facts):
    assert DataFacts.from_json(json.loads(json.dumps(asdict(facts)))) == facts


def test_clips_that_were_left_out_by_split():
    facts = data_facts(num_folds=5, left_out=LEFT_OUT)
    assert facts.left_out_of("test") == ["00017", "00019"]
    assert facts.left_out_of("train") == ["00018"]
    assert facts.left_out_of("validation") == []


def test_facts_do_not_change():
    with pytest.raises(AttributeError):
        data_facts().setup = "Action"
    assert len({data_facts(left_out=LEFT_OUT), data_facts(left_out=LEFT_OUT)}) == 1
