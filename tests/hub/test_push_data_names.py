"""Names, texts and numbers of prepared shards are checked before they are sent; harmless differences are mended."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import raises_naming

from logoformer_hf.hub.facts_contents import check_facts, check_settings
from logoformer_hf.hub.name_contents import check_clip_name
from logoformer_hf.hub.push import PushError
from logoformer_hf.hub.push_data import contents_of_data, data_files, push_shards

SECRET = "/home/me/secret -----BEGIN KEY"
FIRST, SECOND, TEST = (
    f"data/{name}.parquet" for name in ("train-00000-of-00003", "train-00001-of-00003", "test-00000-of-00001")
)
BAD_NAMES = [
    *(
        "",
        "a\nb",
        "a\0b",
        "a" * 1001,
        "a\u2028b",
        "\u202eb",
        "/home/me/secret",
        "~/secret",
        "C:\\Users\\me",
    ),
    *("\\\\server\\me", "../secret", "train/../../secret", "train\\..\\secret"),
]
USUAL_NAMES = [
    "train/happy/a b",
    "Zoë/\u5bb6\u3000\u65cf/\u202f1..2",
    "x:y/z",
    "\u0646\u200c\u0627",
    "a" * 1000,
    "...",
]
BAD_TEXTS = [
    SECRET,
    "a\nb",
    "a\0b",
    "a" * 3000,
    "\u202eb",
    "in /home/me",
    "(C:\\Users)",
    "~/me",
    "=file:me",
    "\\\\server",
]


@pytest.fixture
def folder(shards, tmp_path):
    return shutil.copytree(shards, tmp_path / "shards")


def refused(folder: Path, *named: object) -> None:
    with raises_naming(PushError, *named) as caught:
        push_shards(folder, "me/dfew", private=True, dry_run=True)
    assert len(str(caught.value)) < 1500


def passes(folder: Path) -> None:
    assert push_shards(folder, "me/dfew", private=True, dry_run=True) is None


def change(file: Path, name: str, value: object, row: int = 0) -> None:
    """Another value in a column of a shard, whose digest stays."""
    table = pq.read_table(file)
    values = table.column(name).to_pylist()
    values[row] = value
    place = table.column_names.index(name)
    pq.write_table(
        table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type)), file
    )


def change_json(file: Path, **values: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
def test_names_of_clips(name):
    with pytest.raises(ValueError) as caught:
        check_clip_name(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["a\n\0" + "k" * 10**6, "/home/me/secret"], ids=["long", "path"])
def test_names_of_clips_in_shards(folder, name):
    change(folder / TEST, "clip_id", name)
    refused(folder, folder / TEST, "clip_id")


def test_a_clip_without_a_name_is_said_to_have_none():
    with raises_naming(ValueError, "empty"):
        check_clip_name("")


def test_usual_names_of_clips():
    for name in USUAL_NAMES:
        check_clip_name(name)


def test_a_name_of_two_clips(folder):
    first, second = (pq.read_table(folder / name).column("clip_id").to_pylist() for name in (FIRST, SECOND))
    change(folder / FIRST, "clip_id", first[1])
    refused(folder, folder / FIRST, first[1])
    change(folder / FIRST, "clip_id", first[0])
    passes(folder)
    change(folder / SECOND, "clip_id", first[3], row=len(second) - 1)
    refused(folder, folder / SECOND, first[3], FIRST.removeprefix("data/"))


def test_a_clip_in_two_splits(folder):
    first = pq.read_table(folder / TEST).column("clip_id")[0].as_py()
    change(folder / SECOND, "clip_id", first)
    refused(folder, folder / SECOND, first, TEST.removeprefix("data/"))


def with_column(file: Path, name: str, column: pa.Array) -> None:
    """A shard with another column of the data set."""
    table = pq.read_table(file)
    features = datasets.Features.from_arrow_schema(table.schema)
    features[name] = datasets.Value(str(column.type))
    pq.write_table(table.append_column(name, column).cast(features.arrow_schema), file)


@pytest.mark.parametrize("name", ["identity", "scene"])
def test_texts_of_other_columns(folder, name):
    file, is_scene = folder / TEST, name == "scene"
    number = len(pq.read_table(file))
    known = (
        {"dataset": "ferv39k", "dataset_name": "FERV39K"}
        if is_scene
        else {"dataset": "crema_d", "dataset_name": "CREMA-D"}
    )
    change_json(folder / "source.json", **known)
    if is_scene:
        for shard in (folder / "data").iterdir():
            features = datasets.Features.from_arrow_schema(pq.read_schema(shard))
            del features["fold"]
            table = pq.read_table(shard).drop_columns(["fold"])
            pq.write_table(table.cast(features.arrow_schema), shard)
    with_column(file, name, pa.array(["N/A", None, *["Caucasian, 1001"] * (number - 2)], pa.string()))
    passes(folder)
    for text in BAD_TEXTS[:4]:
        change(file, name, text, row=1)
        refused(folder, file, name)


def test_a_column_of_names_that_holds_numbers(folder):
    change_json(folder / "source.json", dataset="crema_d", dataset_name="CREMA-D")
    with_column(folder / TEST, "identity", pa.array(range(len(pq.read_table(folder / TEST))), pa.int64()))
    refused(folder, folder / TEST, "identity")


@pytest.mark.parametrize("fold", [0, 2**31 - 1])
def test_folds(folder, fold):
    change(folder / TEST, "fold", None)
    passes(folder)
    change(folder / TEST, "fold", fold)
    refused(folder, folder / TEST, "fold")


@pytest.mark.parametrize("name", [SECRET, "a\nb"])
def test_names_of_classes(folder, name):
    for shard in (folder / "data").iterdir():
        features = datasets.Features.from_arrow_schema(pq.read_schema(shard))
        features["label"] = datasets.ClassLabel(names=[*features["label"].names[:-1], name])
        pq.write_table(pq.read_table(shard).replace_schema_metadata(features.arrow_schema.metadata), shard)
    refused(folder, folder / "data", "class")


@pytest.fixture
def files(shards, tmp_path):
    """The two JSON files of the shards alone."""
    return [Path(shutil.copy(shards / name, tmp_path)) for name in ("prepare_settings.json", "source.json")]


BAD_SETTINGS = [
    *(("version", value) for value in (-1, 0, 2, 10**4000)),
    *(("side_px", value) for value in (-5, 0, 65_501)),
    *(("jpeg_quality", value) for value in (0, 96)),
    *(("clips_per_shard", value) for value in (0, 10**13)),
    *(("faces", text) for text in (*BAD_TEXTS, "", "mine", f"{SECRET} 8f2383e4, geometry 1d6d4a8c")),
    ("clips", {"train": f"{'1' * 4000} clips, {'0' * 16}", "test": f"7 clips, {'0' * 16}"}),
]
BAD_FACTS = [
    *((field, text) for field in ("dataset_name", "setup") for text in BAD_TEXTS),
    *(("faces", text) for text in ("mine", SECRET)),
    *(("dataset", text) for text in (SECRET, "", "own", "prepared", "DFEW")),
    *(("dataset_name", text) for text in ("home/me", "a" * 256)),
    *(("num_folds", value) for value in (-5, 0, 10**4000)),
]


def check_refused(check: Callable[[Path], None], file: Path, field: str, value: object) -> None:
    change_json(file, **{field: value})
    with raises_naming(ValueError, f"`{field}") as caught:
        check(file)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("field", "value"), BAD_SETTINGS, ids=range(len(BAD_SETTINGS)))
def test_settings(files, field, value):
    check_settings(files[0])
    check_refused(check_settings, files[0], field, value)


@pytest.mark.parametrize(("field", "value"), BAD_FACTS, ids=range(len(BAD_FACTS)))
def test_facts(files, field, value):
    check_facts(files[1])
    check_refused(check_facts, files[1], field, value)


@pytest.mark.parametrize(
    ("field", "value"),
    [("clip_id", "/home/me"), ("split", SECRET), ("label", SECRET), ("fold", -5), ("fold", 10**4000)],
    ids=range(5),
)
def test_facts_of_clips_that_were_left_out(files, field, value):
    clip = {"clip_id": "02520", "split": "train", "fold": 1, "label": "sad"}
    change_json(files[1], left_out=[clip])
    check_facts(files[1])
    change_json(files[1], left_out=[clip, clip | {field: value}])
    with raises_naming(ValueError, f"left_out[1].{field}"):
        check_facts(files[1])


def test_facts_and_settings_of_other_data_sets(files):
    faces = "face_detection_yunet 8f2383e4, geometry 1d6d4a8c"
    change_json(files[0], faces=faces, clips_per_shard=10**12)
    check_settings(files[0])
    for facts in (
        {"setup": "lists train (new).csv, test.csv", "faces": faces},
        {"dataset": "ferv39k", "dataset_name": "FERV39K", "setup": "Daily Life"},
        {"dataset": "clips", "dataset_name": "DFEW, and Zoë's own", "setup": None},
    ):
        change_json(files[1], **facts)
        check_facts(files[1])


def test_an_unknown_data_set_is_not_public(folder):
    """Its terms are not known, and were those of no data set."""
    change_json(folder / "source.json", dataset=SECRET)
    with raises_naming(PushError, folder / "source.json", "dataset"):
        push_shards(folder, "me/own", dry_run=True)
    change_json(folder / "source.json", dataset="dfew")
    change_json(folder / "prepare_settings.json", side_px=-5)
    refused(folder, folder / "prepare_settings.json", "side_px")


def sent_again(folder: Path, scratch: Path) -> dict[str, bool]:
    """By shard whether another file than that of the folder is sent."""
    scratch.mkdir()
    files = data_files(folder)
    contents = contents_of_data(files, scratch)
    return {name: contents[name] != files[name] for name in files if name.endswith(".parquet")}


@pytest.mark.parametrize("how", ["to_parquet", "page index", "no schema"])
def test_harmless_differences_are_mended(folder, shards, tmp_path, how, capsys):
    file = folder / TEST
    if how == "to_parquet":
        cache = str(tmp_path / "cache")
        datasets.Dataset.from_parquet(str(file), cache_dir=cache).to_parquet(str(file))
    else:
        options = {"write_page_index": True} if how == "page index" else {"store_schema": False}
        pq.write_table(pq.read_table(file), file, **options)
    passes(folder)
    assert f"{TEST} is sent with the same rows" in capsys.readouterr().out
    assert sent_again(folder, tmp_path / "scratch") == {
        name: name == TEST for name in sorted(f"data/{each.name}" for each in (folder / "data").iterdir())
    }
    again, written = (pq.read_table(place) for place in (tmp_path / "scratch" / file.name, shards / TEST))
    assert again.equals(written) and again.schema.metadata[b"huggingface"] == written.schema.metadata[b"huggingface"]
    if how != "to_parquet":  # which drops the digest
        assert (tmp_path / "scratch" / file.name).read_bytes() == (shards / TEST).read_bytes()


def test_bytes_beside_a_page_index_are_not_sent(folder, shards, tmp_path):
    file = folder / TEST
    pq.write_table(pq.read_table(file), file, write_page_index=True)
    content = file.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    file.write_bytes(content[:-footer] + SECRET.encode() + content[-footer:])
    assert sent_again(folder, tmp_path / "scratch")[TEST]
    assert (tmp_path / "scratch" / file.name).read_bytes() == (shards / TEST).read_bytes()


def test_class_names_that_are_nowhere(folder):
    for shard in (folder / "data").iterdir():
        pq.write_table(pq.read_table(shard), shard, store_schema=False)
    refused(folder, folder / "data", "names of its classes")


def test_class_names_that_differ(folder):
    features = datasets.Features.from_arrow_schema(pq.read_schema(folder / TEST))
    features["label"] = datasets.ClassLabel(names=features["label"].names[::-1])
    table = pq.read_table(folder / TEST).replace_schema_metadata(features.arrow_schema.metadata)
    pq.write_table(table, folder / TEST)
    refused(folder, folder / "data", "other names of classes")
