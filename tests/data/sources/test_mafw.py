"""MAFW: its official lists and folds, and lists with numbers in the two orders that are around."""

import pytest
from acted_trees import MAFW_CLASSES, mafw_class, write_mafw, write_mafw_lists
from dataset_trees import write_frames
from errors import check_named, raises_naming

from logoformer_hf.data.facts import DataFacts
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import load_source
from logoformer_hf.data.sources.lists import ListError
from logoformer_hf.data.sources.mafw import MAFW
from logoformer_hf.data.sources.mafw_lists import CLASSES

NAME_OF = {"anger": "angry", "happiness": "happy", "sadness": "sad"}


@pytest.fixture
def root(tmp_path):
    return write_mafw(tmp_path / "MAFW")


@pytest.fixture
def mafw(root, tmp_path):
    """A builder over the tree."""
    return lambda data_dir=root, **arguments: MAFW(data_dir, cache_dir=tmp_path / "cache", **arguments)


def write_list(file, numbers, order, header="video_name,labels", line="{:05d},{}", first=0):
    lines = [line.format(number, order.index(mafw_class(number)) + first) for number in numbers]
    file.write_text("\n".join(([header] if header else []) + lines) + "\n")
    return str(file)


@pytest.mark.parametrize("fold", [1, 2, 3, 4, 5])
def test_folds(mafw, fold):
    clips = mafw(fold=fold).source.clips
    tested = [clip for clip in clips if clip.split == "test"]
    assert (len(tested), len(clips)) == (11, 55)
    assert all(int(clip.clip_id) % 5 + 1 == fold == clip.extra["fold"] for clip in tested)
    assert {clip.label for clip in tested} == set(CLASSES)


def test_clips_in_an_archive_are_to_be_unpacked(root, mafw):
    (root / "data" / "clips").rename(root / "elsewhere")
    (root / "data" / "clips.zip").write_bytes(b"PK")
    with raises_naming(FileNotFoundError, "data/frames", "frames", "unpack", root / "data" / "clips.zip"):
        mafw(fold=1).load()


def test_rows_and_facts(root, tmp_path):
    args = SourceArguments(dataset="mafw", data_dir=str(root), fold="all", cache_dir=str(tmp_path / "cache"))
    assert list(args.folds) == [1, 2, 3, 4, 5]
    source = load_source(args, 2)
    assert source.facts == DataFacts("mafw", "MAFW", num_folds=5)
    assert source.rows["test"].features["label"].names == list(CLASSES)
    assert CLASSES[:2] == ("happy", "sad") and len(CLASSES) == 11
    row = source.rows["test"][0]
    assert (row["clip_id"], row["num_frames"], row["fold"]) == ("00001", 3, 2)
    for row in source.rows["train"]:
        name = mafw_class(int(row["clip_id"]))
        assert CLASSES[row["label"]] == NAME_OF.get(name, name)


@pytest.mark.parametrize(
    "lists", ["Train & Test Set/single/no_caption", "anno/single/no_caption", "label/no_caption", "no_caption"]
)
def test_other_places(root, mafw, lists):
    (root / lists).parent.mkdir(parents=True, exist_ok=True)
    (root / "split" / "single" / "no_caption").rename(root / lists)
    assert len(mafw(fold=1).source.clips) == 55


def test_frames_are_preferred(root, mafw):
    for number in range(55):
        write_frames(root / "data" / "frames" / f"{number:05d}", 2, first=number)
    source = mafw(fold=1).source
    assert source.clips[0].path.parent == root / "data" / "frames"
    assert mafw(fold=1, frames="data/clips").source.clips[0].path.suffix == ".mp4"


def test_published_counts(mafw):
    check_named(" ".join(mafw(fold=1).source.notes), "1,839", "1,837", "1,833", "1,832", "1,831")


@pytest.mark.parametrize("order", [MAFW_CLASSES, tuple(sorted(MAFW_CLASSES))])
@pytest.mark.parametrize("first", [0, 1])
def test_the_order_of_numbers_is_told_by_the_official_lists(mafw, tmp_path, order, first):
    lists = [
        write_list(tmp_path / "train.csv", range(44), order, first=first),
        write_list(tmp_path / "test.csv", range(44, 55), order, first=first),
    ]
    source = mafw(list_files=lists).source
    for clip in source.clips:
        name = mafw_class(int(clip.clip_id))
        assert clip.label == NAME_OF.get(name, name)
    check_named(source.notes[0], f"counted from {first}", "alphabetical" if order[1] == "anxiety" else "MAE-DFER")


def test_the_order_of_numbers_is_asked_for(root, mafw, tmp_path):
    (root / "split").rename(tmp_path / "away")
    order = sorted(MAFW_CLASSES)
    line = "/home/a/data/frames/{:05d} {}"
    lists = [
        write_list(tmp_path / "train.txt", range(44), order, None, line),
        write_list(tmp_path / "test.txt", range(44, 55), order, None, line),
    ]
    with raises_naming(ListError, "two orders", "0=angry 1=disgust", "0=angry 1=anxiety", "label_map"):
        mafw(list_files=lists)
    clips = mafw(list_files=lists, label_map=dict(enumerate(order))).source.clips
    assert [clip.label for clip in clips if clip.clip_id == "00005"] == ["disgust"]
    with raises_naming(ListError, "10=<name>"):
        mafw(list_files=lists, label_map=dict(enumerate(order[:10])))
    with raises_naming(ListError, "label_map", "'envy'"):
        mafw(list_files=lists, label_map={0: "envy"})


def test_numbers_that_contradict_the_official_lists(mafw, tmp_path):
    order = (*MAFW_CLASSES[5:], *MAFW_CLASSES[:5])
    lists = [write_list(tmp_path / f"{split}.csv", range(55), order) for split in ("train", "test")]
    with raises_naming(ListError, "fit none of them", "label_map"):
        mafw(list_files=lists)


def test_official_lists_with_numbers_alone(root, mafw):
    folder = root / "split" / "single" / "no_caption"
    for file in folder.glob("*/*.txt"):
        lines = [line.split() for line in file.read_text().splitlines()]
        table = "".join(f"{name.removesuffix('.mp4')},{MAFW_CLASSES.index(label)}\n" for name, label in lines)
        file.with_suffix(".csv").write_text("video_name,labels\n" + table)
        file.unlink()
    with raises_naming(ListError, "two orders", "label_map"):
        mafw(fold=1)
    assert len(mafw(fold=1, label_map=dict(enumerate(MAFW_CLASSES))).source.clips) == 55


def test_what_is_wrong(root, mafw, tmp_path):
    folder = root / "split" / "single" / "no_caption"
    train = folder / "set_1" / "train.txt"
    text = train.read_text()
    train.write_text(text.replace("anxiety", "envy", 1))
    with raises_naming(ListError, train, "envy"):
        mafw(fold=1)
    train.write_text(text.replace("00001.mp4 anger", "00001.mp4 fear"))
    with raises_naming(ListError, "two labels", "00001"):
        mafw(fold=1)
    train.unlink()
    with raises_naming(FileNotFoundError, "train list of fold 1", root):
        mafw(fold=1)
    (tmp_path / "empty").mkdir()
    with raises_naming(FileNotFoundError, "no train and no test list"):
        mafw(tmp_path / "empty", fold=1)
    with raises_naming(ValueError, "MAFW", "1 to 5", "all"):
        SourceArguments(dataset="mafw", data_dir="MAFW")


def test_a_clip_that_two_folds_test_is_said(root, mafw):
    write_mafw_lists(root / "split" / "single" / "no_caption", range(55))
    file = root / "split" / "single" / "no_caption" / "set_3" / "test.txt"
    file.write_text(file.read_text() + f"00001.mp4 {mafw_class(1)}\n")
    assert any("more than one fold" in note and "00001" in note for note in mafw(fold=1).source.notes)
