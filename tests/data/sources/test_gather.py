"""From the arguments of a program to clips of every source."""

import shutil
import unicodedata

import pytest
from dataset_trees import write_frames
from errors import check_named, raises_naming

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.facts import DataFacts, LeftOutClip
from logoformer_hf.data.identity import content_id
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import gather_clips, load_source


@pytest.fixture(scope="module")
def own_tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees") / "own"
    for clip in ("train/happiness/a", "train/contempt/b", "test/Happy/c", "test/contempt/d"):
        write_frames(root / clip)
    return root


def arguments(tmp_path, **settings) -> SourceArguments:
    return SourceArguments(**{"cache_dir": str(tmp_path)} | settings)


def test_a_fold_of_dfew(dfew_tree, tmp_path):
    source = load_source(arguments(tmp_path, dataset="dfew", data_dir=str(dfew_tree), fold="all"), fold=3)
    assert source.facts == DataFacts("dfew", "DFEW", num_folds=5)
    assert source.rows["test"]["fold"][:] == [3] * 7 and len(source.rows["train"]) == 28
    assert any("11,697" in note for note in source.notes)


def test_ferv39k_and_one_scene_of_it(ferv39k_tree, tmp_path):
    args = {"dataset": "ferv39k", "data_dir": str(ferv39k_tree)}
    whole = load_source(arguments(tmp_path, **args))
    assert whole.facts == DataFacts("ferv39k", "FERV39K")
    assert whole.rows.num_rows == {"train": 28, "test": 14}
    scene = load_source(arguments(tmp_path, **args, setup="Action"))
    assert (len(scene.rows["test"]), scene.facts.setup) == (7, "Action")


def test_lists_of_other_code(dfew_tree, tmp_path):
    for split, numbers in (("train", range(2521, 2551)), ("test", range(2551, 2556))):
        lines = [f"/home/a/jpg_256/{number:05d} {(number - 1) // 5 % 7}" for number in numbers]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    lists = [str(tmp_path / "train.txt"), str(tmp_path / "test.txt")]
    args = {"dataset": "dfew", "data_dir": str(dfew_tree), "list_file": lists}
    assert list(arguments(tmp_path, **args).folds) == [None]
    source = load_source(arguments(tmp_path, **args))
    assert source.rows.num_rows == {"train": 30, "test": 5}
    check_named(source.facts.setup, "train.txt", "test.txt")
    alphabetical = [f"{number}={name}" for number, name in enumerate(sorted(EXPRESSIONS))]
    mapped = load_source(arguments(tmp_path, **args, label_map=alphabetical))
    assert mapped.rows["test"].features["label"].int2str(mapped.rows["test"]["label"][0]) == sorted(EXPRESSIONS)[6]


def test_own_clips_and_a_choice_of_their_labels(own_tree, tmp_path):
    args = {"dataset": "clips", "data_dir": str(own_tree)}
    source = load_source(arguments(tmp_path, **args))
    assert source.rows["train"].features["label"].names == ["happy", "contempt"]
    assert source.facts == DataFacts("clips", "own")
    turned = load_source(arguments(tmp_path, **args, labels=["contempt", "happy"]))
    assert turned.rows["test"]["label"][:] == [1 - label for label in source.rows["test"]["label"]]


def test_labels_with_composed_and_decomposed_accents_are_the_same(tmp_path):
    for clip in ("train/émoi/a", "train/sad/b", "test/émoi/c", "test/sad/d"):
        write_frames(tmp_path / "own" / unicodedata.normalize("NFD", clip))
    for form in ("NFC", "NFD"):
        labels = ["sad", unicodedata.normalize(form, "émoi")]
        args = arguments(tmp_path, dataset="clips", data_dir=str(tmp_path / "own"), labels=labels)
        assert load_source(args).rows["test"].features["label"].names == ["sad", "émoi"]


@pytest.fixture
def broken_tree(own_tree, tmp_path):
    shutil.copytree(own_tree, tmp_path / "own")
    (tmp_path / "own/test/Happy/c/00001.jpg").write_bytes(b"")
    write_frames(tmp_path / "own/test/Happy/e")
    return {"dataset": "clips", "data_dir": str(tmp_path / "own")}


def test_problems_are_written_whether_they_stop_or_not(broken_tree, tmp_path, capsys):
    with pytest.raises(ClipProblems):
        gather_clips(arguments(tmp_path, **broken_tree), None, tmp_path / "out" / "problems.csv")
    table = (tmp_path / "out" / "problems.csv").read_text()
    assert table.startswith("clip,path,reason") and "test/Happy/c" in table
    source = gather_clips(arguments(tmp_path, **broken_tree, on_problem="skip"), None, tmp_path / "skipped.csv")
    assert [problem.clip_id for problem in source.problems] == ["test/Happy/c"]
    assert source.facts.left_out == (LeftOutClip("test/Happy/c", "test"),)
    assert (tmp_path / "skipped.csv").read_text() == table
    check_named(capsys.readouterr().out, *source.notes, tmp_path / "skipped.csv")


def test_a_missing_clip_of_another_class_is_neither_left_out_nor_a_problem(broken_tree, tmp_path):
    args = {**broken_tree, "labels": ["contempt", "fear"]}
    write_frames(tmp_path / "own/train/fear/f")
    write_frames(tmp_path / "own/test/fear/g")
    for on_problem in ("stop", "skip"):
        source = load_source(arguments(tmp_path, **args, on_problem=on_problem))
        assert source.rows.num_rows == {"train": 2, "test": 2}
        assert (source.facts.left_out, source.problems) == ((), [])
    both = load_source(arguments(tmp_path, **broken_tree, labels=["contempt", "happy"], on_problem="skip"))
    assert [clip.label for clip in both.facts.left_out] == ["happy"]


def test_a_split_without_a_clip_of_the_labels_is_named(own_tree, tmp_path):
    shutil.copytree(own_tree, tmp_path / "own")
    for name in ("train/fear/e", "train/sad/f", "validation/sad/g"):
        write_frames(tmp_path / "own" / name)
    args = {"dataset": "clips", "data_dir": str(tmp_path / "own")}
    with raises_naming(ValueError, "contempt, happy", "'validation'"):
        load_source(arguments(tmp_path, **args, labels=["contempt", "happy"]))


def test_only_one_process_prints_and_writes(broken_tree, tmp_path, capsys):
    with pytest.raises(ClipProblems):
        gather_clips(arguments(tmp_path, **broken_tree), None, tmp_path / "problems.csv", verbose=False)
    gather_clips(arguments(tmp_path, **broken_tree, on_problem="skip"), None, tmp_path / "problems.csv", verbose=False)
    assert not (tmp_path / "problems.csv").exists() and capsys.readouterr().out == ""


def test_without_problems_no_file_is_written(own_tree, tmp_path):
    gather_clips(arguments(tmp_path, dataset="clips", data_dir=str(own_tree)), None, tmp_path / "problems.csv")
    assert not (tmp_path / "problems.csv").exists()


def test_rows_identify_clips_by_their_content_now(own_tree, tmp_path):
    """Also where the cached rows stay as they are, because a frame was overwritten in place."""
    shutil.copytree(own_tree, tmp_path / "own")
    args = arguments(tmp_path, dataset="clips", data_dir=str(tmp_path / "own"))
    before = load_source(args)
    assert before.rows["train"]["content_id"] == [content_id(video) for video in before.rows["train"]["video"]]
    frame = tmp_path / "own/train/happiness/a/00002.jpg"
    frame.write_bytes(frame.read_bytes()[::-1])
    after = load_source(args)
    old, new = (source.rows["train"]["content_id"][:] for source in (before, after))
    assert [one == other for one, other in zip(old, new, strict=True)] == [True, False]
    assert after.data_digest != before.data_digest
    moved = load_source(arguments(tmp_path, dataset="clips", data_dir=str(own_tree)))
    assert moved.data_digest == before.data_digest


def test_the_digest_of_the_data_covers_clips_that_are_left_out(broken_tree, tmp_path):
    """So that a run goes on when a clip turns out to be unreadable, and not when one is taken from the list."""
    source = load_source(arguments(tmp_path, **broken_tree, on_problem="skip"))
    assert source.data_digest.startswith("5 clips, ")
    shutil.rmtree(tmp_path / "own/test/Happy/c")
    assert load_source(arguments(tmp_path, **broken_tree)).data_digest.startswith("4 clips, ")
