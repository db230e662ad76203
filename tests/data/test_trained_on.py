"""The record of the clips that a model was trained on."""

import hashlib
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import raises_naming

from logoformer_hf.data.facts import DataFacts, LeftOutClip
from logoformer_hf.data.trained_on import (
    DataPart,
    FoundClips,
    SeenClips,
    TrainedOn,
    Training,
    read_trained_on,
    write_trained_on,
)


def digest(name) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()[:32]


def part(fold=1, official=True, name="DFEW") -> DataPart:
    return DataPart(DataFacts("dfew", name), fold, official)


def training(train, validation=(), of=None, select_on="validation") -> Training:
    return Training(of or part(), select_on, frozenset(map(digest, train)), frozenset(map(digest, validation)))


def clips(*names) -> dict[str, str]:
    return {name: digest(name) for name in names}


def test_the_file_gives_back_all_trainings(tmp_path):
    record = TrainedOn((training("ab", "c"), training("a", of=part(None, False, "own"))), is_complete=False)
    write_trained_on(tmp_path / "record.parquet", record)
    assert read_trained_on(tmp_path / "record.parquet") == record
    write_trained_on(tmp_path / "record.parquet", TrainedOn())
    assert read_trained_on(tmp_path / "record.parquet") == TrainedOn()


def test_a_record_that_names_its_data_set_field_by_field_is_read(tmp_path):
    """As the file was written before the facts of a data set were kept in it as they are."""
    write_trained_on(tmp_path / "record.parquet", TrainedOn((training("ab", of=part(3)),)))
    table = pq.read_table(tmp_path / "record.parquet")
    [key] = table.schema.metadata
    facts = json.loads(table.schema.metadata[key])
    [stored] = facts["trainings"]
    del stored["of_copies"]
    stored |= {name: stored["data"][name] for name in ("dataset", "dataset_name", "setup")}
    del stored["data"]
    pq.write_table(table.replace_schema_metadata({key: json.dumps(facts)}), tmp_path / "record.parquet")
    assert read_trained_on(tmp_path / "record.parquet") == TrainedOn((training("ab", of=part(3)),))


def test_a_part_is_the_same_whatever_was_left_out_of_it_or_cropped(tmp_path):
    facts = DataFacts("dfew", "DFEW", 5, "a.csv", (LeftOutClip("gone", "train"),), "yunet")
    here = DataPart(facts.which, 1, True)
    assert here == DataPart(DataFacts("dfew", "DFEW", setup="a.csv"), 1, True) and str(here) == "DFEW, a.csv, fold 1"
    assert DataPart(DataFacts("dfew", "DFEW", setup="b.csv"), 1, True) != here


def test_the_last_training_without_a_choice():
    record = TrainedOn((training("ab", "c"), training("d", "e")))
    assert record.without_choice() == TrainedOn((training("ab", "c"), training("d", "e", select_on="last")))


def test_identifiers_of_copies_are_comparable_with_others_of_their_kind_alone(tmp_path):
    copies = replace(training("ab"), of_copies=True)
    write_trained_on(tmp_path / "record.parquet", TrainedOn((copies,)))
    record = read_trained_on(tmp_path / "record.parquet")
    assert record.is_comparable(of_copies=True) and not record.is_comparable(of_copies=False)
    both = record.joined(TrainedOn((training("c"),)))
    assert not both.is_comparable(of_copies=True) and not both.is_comparable(of_copies=False)
    assert TrainedOn().is_comparable(of_copies=True)


def test_it_takes_about_16_bytes_a_clip_and_names_none(tmp_path):
    write_trained_on(tmp_path / "record.parquet", TrainedOn((training(range(5000), range(5000, 6000)),)))
    assert (tmp_path / "record.parquet").stat().st_size < 6000 * 16 + 4000
    assert pq.read_schema(tmp_path / "record.parquet").names == ["content_id", "training", "split"]


@pytest.mark.parametrize("fault", ["torn", "other file", "no facts"])
def test_a_damaged_record_is_named(tmp_path, fault):
    path = tmp_path / "record.parquet"
    write_trained_on(path, TrainedOn((training("ab"),)))
    if fault == "torn":
        path.write_bytes(path.read_bytes()[:200])
    elif fault == "other file":
        pq.write_table(pa.table({"clip_id": ["a"]}), path)
    else:
        pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    with raises_naming(ValueError, path):
        read_trained_on(path)


def test_clips_of_all_trainings_are_found_under_any_name():
    record = TrainedOn((training("ab", "c"), training("d", "ea", of=part(2))))
    named = {"renamed": digest("b"), **clips("a", "c", "d", "e", "f"), "unknown": None}
    found = record.find(named, part(3), "test")
    assert found == FoundClips(trained_on=("renamed", "a", "d"), chosen_on=("c", "e"))


def test_what_the_authors_list_twice_is_told_apart_only_for_the_same_part():
    record = TrainedOn((training("ab", "c"),))
    assert record.find(clips("a", "c", "x"), part(), "test") == FoundClips(equal=("a", "c"))
    assert record.find(clips("a", "c"), part(), "train") == FoundClips(trained_on=("a",), chosen_on=("c",))
    assert record.find(clips("a"), part(2), "test") == FoundClips(trained_on=("a",))
    own = part(None, official=False)
    assert TrainedOn((training("a", of=own),)).find(clips("a"), own, "test") == FoundClips(trained_on=("a",))
    both = record.joined(TrainedOn((training("a", of=own),)))
    assert both.find(clips("a"), part(), "test") == FoundClips(trained_on=("a",))


def test_what_chose_the_epoch_is_part_of_the_record(tmp_path):
    for select_on, found in (("test", ("c",)), ("last", ())):
        record = TrainedOn((training("ab", "c", select_on=select_on),))
        write_trained_on(tmp_path / "record.parquet", record)
        assert read_trained_on(tmp_path / "record.parquet") == record
        assert record.find(clips("c"), part(), "test") == FoundClips(chosen_on=found)


def test_records_are_joined_and_counts_added():
    one, other = TrainedOn((training("a"),)), TrainedOn((training("a"), training("b")), is_complete=False)
    assert one.joined(other) == other and other.without(training("a")).trainings == (training("b"),)
    joined = SeenClips(1, 2, 3, 4).plus(SeenClips(10, 20, 30, 40, is_history_known=False))
    assert joined == SeenClips(11, 22, 33, 44, is_history_known=False)
