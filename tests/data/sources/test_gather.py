"""Every source of clips through the arguments of the programs."""

import shutil

import pytest
from dataset_trees import write_dfew_annotation, write_dfew_frames, write_ferv39k, write_frames

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources import gather as sources
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.gather import gather_clips, load_source


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    write_dfew_frames(write_dfew_annotation(root / "DFEW") / "Clip" / "jpg_256")
    write_ferv39k(root / "FERV39K")
    for clip in ("train/happiness/a", "train/contempt/b", "test/Happy/c", "test/contempt/d"):
        write_frames(root / "own" / clip)
    return root


def arguments(tmp_path, **settings) -> SourceArguments:
    return SourceArguments(**{"cache_dir": str(tmp_path)} | settings)


def test_drawn_faces(tmp_path):
    source = load_source(arguments(tmp_path, num_train_clips=7, num_validation_clips=7, num_test_clips=7))
    assert {split: len(rows) for split, rows in source.rows.items()} == {"train": 7, "validation": 7, "test": 7}
    assert (source.dataset, source.num_folds, source.problems) == ("faces", None, {})


def test_drawn_faces_as_hard_and_as_uneven_as_asked_for(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr(sources, "build_synthetic_clips", lambda **settings: asked.update(settings))
    load_source(arguments(tmp_path, difficulty=0.5, uneven_classes=True))
    assert (asked["difficulty"], asked["view_difficulty"], asked["uneven"]) == (0.5, None, True)
    load_source(arguments(tmp_path))
    assert (asked["difficulty"], asked["view_difficulty"], asked["uneven"]) == (0.0, None, False)
    load_source(arguments(tmp_path, difficulty=1.0, view_difficulty=0.0))
    assert (asked["difficulty"], asked["view_difficulty"]) == (1.0, 0.0)


def test_a_fold_of_dfew(trees, tmp_path):
    args = arguments(tmp_path, dataset="dfew", data_dir=str(trees / "DFEW"), fold="all")
    assert list(args.folds) == [1, 2, 3, 4, 5]
    source = load_source(args, fold=3)
    assert (source.dataset_name, source.num_folds, source.setup) == ("DFEW", 5, None)
    assert source.rows["test"]["fold"][:] == [3] * 7 and len(source.rows["train"]) == 28
    assert any("published" in note for note in source.notes)


def test_ferv39k_and_one_scene_of_it(trees, tmp_path):
    args = {"dataset": "ferv39k", "data_dir": str(trees / "FERV39K")}
    whole = load_source(arguments(tmp_path, **args))
    assert (len(whole.rows["train"]), len(whole.rows["test"]), whole.setup, whole.num_folds) == (28, 14, None, None)
    scene = load_source(arguments(tmp_path, **args, setup="Action"))
    assert (len(scene.rows["test"]), scene.setup) == (7, "Action")


def test_lists_of_other_code(trees, tmp_path):
    for split, numbers in (("train", range(2521, 2551)), ("test", range(2551, 2556))):
        lines = [f"/home/a/jpg_256/{number:05d} {(number - 1) // 5 % 7}" for number in numbers]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines) + "\n")
    lists = [str(tmp_path / "train.txt"), str(tmp_path / "test.txt")]
    args = arguments(tmp_path, dataset="dfew", data_dir=str(trees / "DFEW"), list_file=lists)
    assert list(args.folds) == [None]
    source = load_source(args)
    assert (len(source.rows["train"]), len(source.rows["test"])) == (30, 5)
    assert source.setup == "lists train.txt, test.txt"
    alphabetical = [f"{number}={name}" for number, name in enumerate(sorted(EXPRESSIONS))]
    mapped = load_source(arguments(tmp_path, **vars(args) | {"label_map": alphabetical}))
    assert mapped.rows["test"].features["label"].int2str(mapped.rows["test"]["label"][0]) == sorted(EXPRESSIONS)[6]


def test_own_clips_and_a_choice_of_their_labels(trees, tmp_path):
    args = {"dataset": "clips", "data_dir": str(trees / "own")}
    source = load_source(arguments(tmp_path, **args))
    assert source.rows["train"].features["label"].names == ["happy", "contempt"]
    assert source.dataset_name == "own"
    turned = load_source(arguments(tmp_path, **args, labels=["contempt", "happy"]))
    assert turned.rows["test"]["label"][:] == [1 - label for label in source.rows["test"]["label"]]


def test_problems_are_written_whether_they_stop_or_not(trees, tmp_path, capsys):
    shutil.copytree(trees / "own", tmp_path / "own")
    (tmp_path / "own/test/Happy/c/00001.jpg").write_bytes(b"")
    write_frames(tmp_path / "own/test/Happy/e")
    args = {"dataset": "clips", "data_dir": str(tmp_path / "own")}
    with pytest.raises(ClipProblems):
        gather_clips(arguments(tmp_path, **args), None, tmp_path / "out" / "problems.csv")
    table = (tmp_path / "out" / "problems.csv").read_text()
    assert table.startswith("clip,path,reason") and "test/Happy/c" in table
    source = gather_clips(arguments(tmp_path, **args, on_problem="skip"), None, tmp_path / "skipped.csv")
    assert [problem.clip_id for problem in source.problems["test"]] == ["test/Happy/c"]
    assert (tmp_path / "skipped.csv").read_text() == table
    assert str(tmp_path / "skipped.csv") in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dataset": "dfew", "fold": "1"}, ["dfew", "data_dir"]),
        ({"dataset": "dfew", "data_dir": "x"}, ["fold", "all"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "6"}, ["fold", "'6'", "1, 2, 3, 4, 5", "all"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "all", "list_file": ["a", "b"]}, ["all", "list_file"]),
        ({"dataset": "ferv39k", "data_dir": "x", "fold": "1"}, ["fold", "ferv39k", "dfew"]),
        ({"dataset": "clips", "data_dir": "x", "setup": "Action"}, ["setup", "clips", "ferv39k"]),
        ({"data_dir": "x"}, ["data_dir", "faces", "dfew"]),
        ({"dataset": "clips", "data_dir": "x", "difficulty": 0.5}, ["difficulty", "clips", "faces"]),
        ({"dataset": "dfew", "data_dir": "x", "fold": "1", "uneven_classes": True}, ["uneven_classes", "faces"]),
        ({"dataset": "clips", "data_dir": "x", "view_difficulty": 0.5}, ["view_difficulty", "clips", "faces"]),
        ({"view_difficulty": -0.5}, ["view_difficulty", "-0.5", "from 0 to 1"]),
        ({"difficulty": 1.5}, ["difficulty", "1.5", "from 0 to 1"]),
        ({"difficulty": float("nan")}, ["difficulty", "from 0 to 1"]),
    ],
)
def test_arguments_that_say_nothing_are_refused(settings, words):
    with pytest.raises(ValueError) as caught:
        SourceArguments(**settings)
    for word in words:
        assert word in str(caught.value)
