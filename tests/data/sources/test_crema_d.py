"""CREMA-D in its real layout: all 7,442 names, its folds of actors, its tables, and what people have instead of it."""

import shutil
from collections import Counter

import pytest
from acted_trees import POINTER, crema_d_names, tiny_video, write_actors, write_crema_d
from dataset_trees import write_frames
from errors import check_named, raises_naming

from logoformer_hf.data.facts import DataFacts
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.data.sources.crema_d import CremaD, all_names
from logoformer_hf.data.sources.gather import load_source

SOME_ACTORS = (1001, 1020, 1091)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All clips, to read from."""
    return write_crema_d(tmp_path_factory.mktemp("acted") / "CREMA-D")


@pytest.fixture
def crema_d(tmp_path):
    """A builder."""
    return lambda data_dir, fold=1, **arguments: CremaD(data_dir, cache_dir=tmp_path / "cache", fold=fold, **arguments)


def write_some(root, actors=SOME_ACTORS, **settings):
    return write_crema_d(root / "CREMA-D", crema_d_names(actors), **settings)


def test_the_names_are_those_of_the_published_list():
    names = list(all_names())
    assert names == crema_d_names() and len(set(names)) == 7442
    classes = Counter(name[9:12] for name in names)
    assert classes.pop("NEU") == 1087 and set(classes.values()) == {1271} and len(classes) == 5


def test_folds_by_actor(whole, crema_d):
    planned = {fold: crema_d(whole, fold).source.clips for fold in range(1, 6)}
    tested = {fold: [clip for clip in clips if clip.split == "test"] for fold, clips in planned.items()}
    assert [len(clips) for clips in tested.values()] == [1463, 1470, 1476, 1476, 1557]
    actors = {fold: {clip.clip_id[:4] for clip in clips} for fold, clips in tested.items()}
    assert {(min(each), max(each)) for each in actors.values()} == {
        *(("1001", "1018"), ("1019", "1036"), ("1037", "1054"), ("1055", "1072"), ("1073", "1091"))
    }
    assert sum(map(len, actors.values())) == 91
    for fold, clips in planned.items():
        assert len(clips) == 7442
        assert not actors[fold] & {clip.clip_id[:4] for clip in clips if clip.split == "train"}
        assert all(clip.extra["fold"] == fold for clip in tested[fold])


def test_rows(tmp_path):
    root = write_some(tmp_path)
    arguments = {"dataset": "crema_d", "data_dir": str(root), "fold": "all", "cache_dir": str(tmp_path / "cache")}
    source = load_source(SourceArguments(**arguments, on_problem="skip"), fold=2)
    assert list(SourceArguments(**arguments).folds) == [1, 2, 3, 4, 5]
    assert source.facts.which == DataFacts("crema_d", "CREMA-D")
    assert source.rows.num_rows == {"train": 2 * 82, "test": 82}
    assert source.rows["test"].features["label"].names == ["happy", "sad", "neutral", "angry", "disgust", "fear"]
    row = source.rows["test"][0]
    assert row["clip_id"] == "1020_DFA_ANG_XX" and row["label"] == 3 and row["num_frames"] == 3
    assert row["video"] == str(root / "VideoFlash" / "1020_DFA_ANG_XX.flv")
    assert [row[name] for name in ("fold", "identity", "sex", "age_group")] == [2, "1020", "female", "30-39"]
    assert any("--faces" in note for note in source.notes)


def test_what_is_known_of_the_actors(whole, crema_d):
    people = {clip.extra["identity"]: clip.extra for clip in crema_d(whole).source.clips}
    assert Counter(person["sex"] for person in people.values()) == {"male": 46, "female": 45}
    assert {person["age_group"] for person in people.values()} == {"20-29", "30-39", "40-49", "50-59", "60 and older"}
    assert {person["race"] for person in people.values()} == {"Caucasian", "African American", "Asian", None}


def test_without_the_table_of_actors(tmp_path, crema_d):
    source = crema_d(write_some(tmp_path, tables=False), on_problem="skip").source
    assert source.clips[0].extra["sex"] is None
    assert any("VideoDemographics.csv" in note for note in source.notes)


@pytest.mark.parametrize("data_dir", ["..", "VideoFlash"])
def test_other_levels_of_folders(tmp_path, crema_d, data_dir):
    root = write_some(tmp_path)
    source = crema_d(root / data_dir, on_problem="skip").source
    assert source.clips[0].path == (root / "VideoFlash" / "1001_DFA_ANG_XX.flv")
    assert source.clips[0].extra["sex"] == "male"


def test_folders_of_frames(tmp_path, crema_d):
    for name in crema_d_names((1001, 1020)):
        write_frames(tmp_path / "faces" / name, 2, first=len(name))
    rows = crema_d(tmp_path, on_problem="skip").load()
    assert rows.num_rows == {"test": 82, "train": 82} and rows["test"][0]["num_frames"] == 2


def test_the_vote_on_the_face(whole, crema_d):
    source = crema_d(whole, labels_from="face_vote").source
    ties = [number for number, name in enumerate(all_names()) if number % 7 == 0 and name[9] != "S" and number % 11]
    without = range(0, 7442, 11)
    assert len(source.clips) == 7442 - len(ties) - len(without)
    check_named(next(note for note in source.notes if "face alone" in note), f"{len(ties):,}", f"{len(without):,}")


def test_votes_decide_labels(tmp_path, crema_d):
    root = write_some(tmp_path)
    file = root / "processedResults" / "summaryTable.csv"
    text = file.read_text()
    assert '"1001_DFA_DIS_XX","N","60","D"' in text
    file.write_text(text.replace('"1001_DFA_DIS_XX","N","60","D"', '"1001_DFA_DIS_XX","N","60","H"'))
    clips = crema_d(root, labels_from="face_vote", on_problem="skip").source.clips
    assert next(clip.label for clip in clips if clip.clip_id == "1001_DFA_DIS_XX") == "happy"


def test_intensities(whole, crema_d):
    clips = crema_d(whole, intensities=["high", "medium"]).source.clips
    assert len(clips) == 2 * 5 * 91 and {clip.clip_id[-2:] for clip in clips} == {"HI", "MD"}
    with raises_naming(ValueError, "intensities", "'HI'", "high"):
        crema_d(whole, intensities=["HI"])


def test_parts_are_named(tmp_path):
    root = write_some(tmp_path)
    arguments = {"dataset": "crema_d", "data_dir": str(root), "fold": "1", "cache_dir": str(tmp_path / "cache")}
    choices = {"labels_from": "face_vote", "intensities": ["unspecified"], "on_problem": "skip"}
    setup = load_source(SourceArguments(**arguments | choices), fold=1).facts.setup
    check_named(setup, "face vote", "unspecified")


def test_a_fold_is_asked_for():
    with raises_naming(ValueError, "fold", "1 to 5", "all"):
        SourceArguments(dataset="crema_d", data_dir="CREMA-D")
    with raises_naming(ValueError, "fold", "'6'"):
        SourceArguments(dataset="crema_d", data_dir="CREMA-D", fold="6")


def test_pointers_instead_of_videos(tmp_path, crema_d):
    folder = tmp_path / "CREMA-D" / "VideoFlash"
    folder.mkdir(parents=True)
    for number, name in enumerate(crema_d_names([1001])):
        (folder / f"{name}.flv").write_text(POINTER.format(number))
    with raises_naming(ValueError, "82 of 82", "Git LFS", "1001_DFA_ANG_XX", "git clone"):
        crema_d(tmp_path / "CREMA-D")
    (tmp_path / "CREMA-D" / ".git").mkdir()
    with raises_naming(ValueError, "Git LFS", f"git -C {tmp_path / 'CREMA-D'} lfs pull"):
        crema_d(tmp_path / "CREMA-D", on_problem="skip")


def test_half_a_download(tmp_path, crema_d):
    root = write_crema_d(tmp_path / "CREMA-D", crema_d_names(range(1001, 1046))[:-3])
    (root / "VideoFlash" / "1050_DFA_ANG_XX.flv.part").write_bytes(b"FLV")
    there = len(crema_d_names(range(1001, 1046))) - 3
    with raises_naming(
        FileNotFoundError,
        *(f"{there:,} are there", "46 actors", "1046", "3 clips", "1045_WSI_SAD_XX", "1050_DFA_ANG_XX.flv.part"),
        *("git clone", "on_problem"),
    ):
        crema_d(root)


def test_an_actor_is_missing(tmp_path, crema_d):
    root = write_crema_d(tmp_path / "CREMA-D", crema_d_names([*range(1001, 1007), *range(1008, 1092)]))
    with raises_naming(FileNotFoundError, "1 actor (1007)"):
        crema_d(root)
    builder = crema_d(root, on_problem="skip", intensities=["high"])
    assert len(builder.load()["test"]) == 5 * 17 and len(builder.problems) == 5


def test_files_that_end_in_the_middle(tmp_path, crema_d):
    root = write_some(tmp_path, (1001, 1020))
    path = root / "VideoFlash" / "1001_DFA_ANG_XX.flv"
    path.unlink()
    path.write_bytes(tiny_video(".flv")[:-40])
    builder = crema_d(root, on_problem="skip")
    builder.load()
    problem = next(problem for problem in builder.problems if problem.clip_id == "1001_DFA_ANG_XX")
    check_named(problem.reason, "ends in the middle")


def test_an_empty_file(tmp_path, crema_d):
    root = write_some(tmp_path, (1001, 1020))
    path = root / "VideoFlash" / "1001_DFA_ANG_XX.flv"
    path.unlink()
    path.touch()
    builder = crema_d(root, on_problem="skip")
    builder.load()
    assert next(each.reason for each in builder.problems if each.clip_id == "1001_DFA_ANG_XX") == "the file is empty"


def test_one_performance_twice(tmp_path, crema_d):
    root = write_some(tmp_path)
    (root / "converted").mkdir()
    shutil.copy(root / "VideoFlash" / "1001_DFA_ANG_XX.flv", root / "converted" / "1001_DFA_ANG_XX.mp4")
    with raises_naming(ValueError, "1 performances", root / "converted" / "1001_DFA_ANG_XX.mp4", root / "VideoFlash"):
        crema_d(root)


def test_recordings_that_crema_d_does_not_have(tmp_path, crema_d):
    root = write_some(tmp_path)
    shutil.copy(root / "VideoFlash" / "1001_DFA_ANG_XX.flv", root / "VideoFlash" / "1999_DFA_ANG_XX.flv")
    notes = crema_d(root, on_problem="skip").source.notes
    assert any("1999_DFA_ANG_XX" in note for note in notes)


def test_sound_alone_another_set_and_nothing(tmp_path, crema_d):
    sounds = tmp_path / "sounds" / "AudioWAV"
    sounds.mkdir(parents=True)
    (sounds / "1001_DFA_ANG_XX.wav").touch()
    with raises_naming(FileNotFoundError, tmp_path / "sounds", "1 recordings of the voice", "videos"):
        crema_d(tmp_path / "sounds")
    other = tmp_path / "other" / "Actor_01"
    other.mkdir(parents=True)
    (other / "02-01-06-01-02-01-01.mp4").touch()
    with raises_naming(FileNotFoundError, "`dataset` ravdess"):
        crema_d(tmp_path / "other")
    (tmp_path / "empty").mkdir()
    with raises_naming(FileNotFoundError, tmp_path / "empty", "1001_DFA_ANG_XX.flv"):
        crema_d(tmp_path / "empty")


def test_tables_of_another_set(tmp_path, crema_d):
    root = write_some(tmp_path)
    actors, votes = root / "VideoDemographics.csv", root / "processedResults" / "summaryTable.csv"
    whole = actors.read_text()
    for text, words in (
        ("video_name,label\n2522,6\n", ("video_name, label", "ActorID")),
        (whole[:300], ("lacks", "1091")),
        (whole.replace("1001,20", "1001,-5"), ("line 2", "'-5'")),
        ("", ("nothing", "ActorID")),
    ):
        actors.write_text(text)
        with raises_naming(ValueError, actors, *words):
            crema_d(root, on_problem="skip")
    write_actors(actors)
    for text, words in (
        ("video_name,label\n2522,6\n", ("FileName",)),
        ('"FileName","FaceVote"\n"1001_DFA_ANG_XX","X"\n', ("line 2", "'X'")),
        ('"FileName","FaceVote"\n"02522","A"\n', ("another data set",)),
    ):
        votes.write_text(text)
        with raises_naming(ValueError, votes, *words):
            crema_d(root, on_problem="skip", labels_from="face_vote")
    votes.unlink()
    with raises_naming(FileNotFoundError, "summaryTable.csv", "curl"):
        crema_d(root, on_problem="skip", labels_from="face_vote")


def test_a_table_that_changes_is_read_again(tmp_path, crema_d):
    root = write_some(tmp_path)
    assert crema_d(root, on_problem="skip").load()["test"][0]["sex"] == "male"
    file = root / "VideoDemographics.csv"
    file.write_text(file.read_text().replace('1001,20,"Male"', '1001,20,"Female"'))
    assert crema_d(root, on_problem="skip").load()["test"][0]["sex"] == "female"


def test_a_file_that_is_no_video_stops(tmp_path, crema_d):
    root = write_crema_d(tmp_path / "CREMA-D")
    path = root / "VideoFlash" / "1001_IEO_ANG_HI.flv"
    path.unlink()
    path.write_text("no video")
    with raises_naming(ClipProblems, "1 of 455", "1001_IEO_ANG_HI"):
        crema_d(root, intensities=["high"]).load()
