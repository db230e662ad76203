"""The facts about a data set, from its source to report and card."""

import json
from dataclasses import asdict

import pytest
from errors import check_named
from toys import data_facts

from logoformer_hf.data.facts import DataFacts, LeftOutClip, note_on_faces

LEFT_OUT = (LeftOutClip("00017", "test", 2), LeftOutClip("00018", "train", 3), LeftOutClip("00019", "test", 2))


@pytest.mark.parametrize(
    "facts",
    [
        data_facts(),
        data_facts(num_folds=5, left_out=LEFT_OUT),
        data_facts("clips", "own", faces="face_detection_yunet 8f2383e4, geometry 1d6d4a8c"),
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


def test_clips_of_other_classes_are_not_left_out_of_a_choice_of_labels():
    clips = (LeftOutClip("a", "test", label="fear"), LeftOutClip("b", "test", label="sad"), LeftOutClip("c", "test"))
    assert data_facts(left_out=clips).of_labels(["happy", "sad"]).left_out_of("test") == ["b", "c"]


def test_facts_do_not_change():
    with pytest.raises(AttributeError):
        data_facts().setup = "Action"
    assert len({data_facts(left_out=LEFT_OUT), data_facts(left_out=LEFT_OUT)}) == 1


def test_facts_of_shards_that_were_made_before_faces_were_cropped():
    known = json.loads(json.dumps(asdict(data_facts())))
    del known["faces"]
    assert DataFacts.from_json(known) == data_facts()


def test_the_part_that_is_displayed():
    assert data_facts().part == ""
    assert data_facts(setup="Action").part == "Action"
    assert data_facts(setup="Action", faces="yunet 8f2383e4, geometry 1d6d4a8c").part == "Action, crops of faces"


def test_models_and_clips_with_other_crops_are_told():
    own, cropped, other = (data_facts("clips", "own", faces=faces) for faces in (None, "yunet a", "yunet b"))
    for trained, tested, words in (
        (cropped, own, ["yunet a", "as they are", "--faces"]),
        (own, cropped, ["yunet a", "as they are"]),
        (cropped, other, ["yunet a", "yunet b"]),
    ):
        check_named(note_on_faces(trained, tested), *words)
    assert note_on_faces(own, own) is None and note_on_faces(cropped, cropped) is None
    assert note_on_faces(data_facts("faces", "drawn faces"), cropped) is None  # drawn as crops are
