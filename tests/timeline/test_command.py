"""The command `logoformer predict`: in this process what it says and writes, as real processes how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from errors import check_named
from processes import TIMEOUT_SEC, environment_with

from logoformer_hf.cli import main
from logoformer_hf.timeline.recognizer import UNKNOWN_DATA_NOTE
from logoformer_hf.timeline.records import record_file
from logoformer_hf.timeline.saved_state import state_file


@pytest.fixture(scope="module")
def videos(tmp_path_factory, write_video) -> Path:
    """A folder with two videos of 3 s, and one that is none."""
    folder = tmp_path_factory.mktemp("videos")
    (folder / "day1").mkdir()
    write_video(folder / "b.mp4", 75)
    write_video(folder / "day1" / "a.mp4", 75, seed=1)
    (folder / "broken.mp4").write_bytes(b"\x00" * 1000)
    return folder


@pytest.fixture
def predict(tiny_folder, capsys):
    """Runs the command without a detector; returns its exit status, what it printed and what it complained about."""

    def run(*paths: str | Path, detector: str | Path = "none", model: str | Path = tiny_folder, **options: str | Path):
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        status = 0
        try:
            main(["predict", *map(str, paths), "--model", str(model), "--detector", str(detector), *given])
        except SystemExit as stopped:
            status = stopped.code
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.out, captured.err

    return run


def visible(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


# --- what it prints and writes


def test_without_output_everything_is_printed(videos, predict):
    status, out, err = predict(videos / "b.mp4")
    assert status == 0 and err == f"note: {UNKNOWN_DATA_NOTE}\n"
    check_named(out, "b.mp4: 1 person, 3.0 s", "0.00 -", "person 1: unsure", "episodes", "mean score")


def test_one_file(videos, predict, tmp_path):
    status, out, _ = predict(videos / "b.mp4", output=tmp_path / "b.csv", plot=tmp_path / "b.png")
    assert status == 0 and visible(tmp_path) == {"b.csv", "b.png"}
    assert "episodes" in out and "0.00 -" not in out  # the segments are in the file
    table = pd.read_csv(tmp_path / "b.csv")
    assert set(table["track_id"]) == {1} and table["start_sec"].is_monotonic_increasing


def test_a_name_that_begins_with_a_dash(predict, tmp_path, write_video, tiny_folder, monkeypatch, capsys):
    write_video(tmp_path / "-odd-name.mp4", 30)
    monkeypatch.chdir(tmp_path)
    main(["predict", "--model", str(tiny_folder), "--detector", "none", "--output", "out/", "--", "-odd-name.mp4"])
    assert "-odd-name.mp4: 1 person" in capsys.readouterr().out
    assert visible(tmp_path / "out") == {"-odd-name.mp4.parquet"}


def test_one_name_that_is_too_long_fails_alone(predict, tmp_path, write_video):
    folder, long = tmp_path / "videos", "n" * 245 + ".mp4"
    folder.mkdir()
    write_video(folder / "b.mp4", 30)
    (folder / long).write_bytes((folder / "b.mp4").read_bytes())
    status, out, err = predict(folder, output=tmp_path / "out")
    assert status == 1 and "b.mp4: 1 person" in out
    check_named(err, long, "too long", "1 of 2 videos failed")
    assert visible(tmp_path / "out") == {"b.mp4.parquet"}


def test_a_name_that_is_not_utf8(predict, tmp_path, write_video):
    video = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    try:
        write_video(tmp_path / "a.mp4", 10).rename(video)
    except OSError:
        pytest.skip("this file system has no such names")
    out = tmp_path / "out"
    status, _, err = predict(video, output=out, formats="parquet,csv,json,srt,vtt,eaf", plot=out, overlay=out)
    assert status == 0, err
    endings = ("parquet", "csv", "json", "srt", "vtt", "eaf", "timeline.png", "overlay.mp4")
    assert visible(out) == {f"{video.name}.{ending}" for ending in endings}


def test_a_folder_with_a_broken_file(videos, predict, tmp_path):
    status, out, err = predict(videos, output=tmp_path / "out", formats="json,srt")
    assert status == 1
    check_named(out, "b.mp4: 1 person", "day1/a.mp4: 1 person")
    check_named(err, "broken.mp4", "1 of 3 videos failed")
    assert visible(tmp_path / "out") == {
        "b.mp4.json", "b.mp4.srt", "day1/a.mp4.json", "day1/a.mp4.srt", "broken.mp4.problem.txt",
    }  # fmt: skip
    assert "broken.mp4" in (tmp_path / "out" / "broken.mp4.problem.txt").read_text()

    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json")}
    status, out, err = predict(videos, output=tmp_path / "out", formats="json,srt")
    assert status == 1 and "2 of 3 videos are finished already" in err and "a.mp4" not in out
    assert all(path.stat().st_mtime_ns == before for path, before in times.items() if path.name[0] != ".")


def test_links_that_lead_nowhere_are_reported_and_the_others_are_read(tmp_path, predict, write_video):
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    write_video(folder / "a.mp4", 25)
    (folder / "self.mp4").symlink_to("self.mp4")
    (folder / "gone.mp4").symlink_to("nowhere.mp4")
    status, _, complaint = predict(folder, output=out, formats="csv", overlay=out)
    assert status == 1 and "Errno" not in complaint
    assert visible(out) == {"a.mp4.csv", "a.mp4.overlay.mp4", "gone.mp4.problem.txt", "self.mp4.problem.txt"}
    for name in ("gone.mp4", "self.mp4"):
        check_named((out / f"{name}.problem.txt").read_text(), folder / name, "link")
    assert "1 of 1 video is finished" in predict(folder / "a.mp4", output=out, formats="csv")[2]


def test_a_problem_that_is_solved_is_forgotten(videos, predict, tmp_path, write_video):
    video = tmp_path / "videos" / "a.mp4"
    video.parent.mkdir()
    video.write_bytes(b"no video")
    out = tmp_path / "out"
    assert predict(video, output=out)[0] == 1 and visible(out) == {"a.mp4.problem.txt"}
    write_video(video, 30)
    assert predict(video, output=out)[0] == 0 and visible(out) == {"a.mp4.parquet"}


def test_a_part_of_the_videos(videos, predict, tmp_path):
    pattern = videos / "**" / "[ab].mp4"
    assert predict(pattern, output=tmp_path, shard="2/2")[0] == 0
    assert visible(tmp_path) == {"day1/a.mp4.parquet"}
    status, _, err = predict(pattern, output=tmp_path, shard="3/3")
    assert status == 0 and "2 videos" in err
    assert "The only video does not fall" in predict(videos / "b.mp4", shard="2/2")[2]


def test_other_settings_are_refused_until_they_may_replace(videos, predict, tmp_path, capsys):
    file = tmp_path / "b.json"
    assert predict(videos / "b.mp4", output=file)[0] == 0
    before = file.read_bytes()
    status, out, err = predict(videos / "b.mp4", output=file, pair_sec="0.5")
    assert status == 2 and out == "" and file.read_bytes() == before
    check_named(err, file, "pair_sec 0.25 (now 0.5)", "--overwrite")
    assert predict("--overwrite", videos / "b.mp4", output=file, pair_sec="0.5")[0] == 0
    assert file.read_bytes() != before


def test_what_was_not_written_by_this_command_is_kept(videos, predict, tmp_path):
    (tmp_path / "b.csv").write_text("notes of a person")
    status, _, err = predict(videos / "b.mp4", output=tmp_path / "b.csv")
    assert status == 2 and "b.csv" in err and (tmp_path / "b.csv").read_text() == "notes of a person"


def test_a_model_of_drawn_faces_says_so_once_before_work_begins(videos, predict, tmp_path, monkeypatch):
    from logoformer_hf.timeline import recognizer

    monkeypatch.setattr(recognizer, "trained_on_drawn_faces", lambda name: True)
    _, _, err = predict(videos / "b.mp4", videos / "broken.mp4", output=tmp_path / "out")
    assert err.startswith(f"note: {recognizer.DRAWN_FACES_NOTE}\n") and err.count("drawn faces") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "/nowhere"}, ["/nowhere"]),
        ({"detector": "/nowhere.onnx"}, ["/nowhere.onnx"]),
        ({"detector": __file__}, [__file__]),
        ({"output": "/dev/null/out.csv"}, ["/dev/null"]),
        ({"output": "out.xlsx"}, ["out.xlsx", ".parquet"]),
        ({"output": "out", "formats": "xls"}, ["xls", "parquet"]),
        ({"overlay": "out.avi"}, ["out.avi", ".mp4"]),
        ({"plot": "out.doc"}, ["out.doc", ".png"]),
        ({"shard": "0/3"}, ["--shard 0/3"]),
        ({"detect_every": "0"}, ["--detect_every 0"]),
        ({"device": "cuda:77"}, ["cuda:77"]),
        ({"device": "toaster"}, ["toaster"]),
        ({"device": "meta"}, ["meta"]),
        ({"device": ""}, ["--device ''"]),
        ({"detector": ""}, ["--detector ''"]),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_before_work_begins(
    videos, predict, tmp_path, monkeypatch, options, words
):
    monkeypatch.chdir(tmp_path)
    status, out, err = predict(videos / "b.mp4", **options)
    assert status == 2 and out == "" and len(err.strip().split("\n")) == 1
    check_named(err, "logoformer predict: ", *words)
    assert list(tmp_path.iterdir()) == []


def test_paths_that_are_wrong(videos, predict, tmp_path):
    assert predict("nowhere.mp4")[0] == predict("")[0] == predict("/dev/null")[0] == 2
    status, _, err = predict(videos, output=tmp_path / "all.csv")
    assert status == 2 and "3 videos" in err


def test_real_people(media, detector_file, predict, tmp_path):
    status, out, err = predict(media, detector=detector_file, output=tmp_path, formats="json", plot=tmp_path)
    assert status == 0 and err == f"note: {UNKNOWN_DATA_NOTE}\n"
    check_named(out, "two_faces.gif: 2 people", "no_face.mp4: nobody", "face_far.mkv: 1 person", "face_frontal.mp4")
    timeline = json.loads((tmp_path / "two_faces.gif.json").read_text())
    assert timeline["tracks"] == [1, 2] and timeline["without_face"] == []
    assert json.loads((tmp_path / "no_face.mp4.json").read_text())["windows"] == []
    assert len(list(tmp_path.glob("*.timeline.png"))) == 4


# --- how processes end


def start(tiny_folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "logoformer_hf.timeline",
        *arguments,
        "--model",
        tiny_folder,
        "--detector",
        "none",
    ]
    return subprocess.Popen(
        [str(part) for part in command],
        env=environment_with(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets its jobs in the background ignore SIGINT, and what they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_until(is_true, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + TIMEOUT_SEC
    while not is_true() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    assert is_true(), process.communicate()


@pytest.fixture(scope="module")
def long_video(tmp_path_factory, write_video) -> Path:
    """Ten minutes of small frames."""
    return write_video(tmp_path_factory.mktemp("long") / "long.mp4", 25 * 600, size=(32, 32), preset="ultrafast")


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGKILL, -9, ""), (signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "goes on")],
)
def test_work_that_was_ended_goes_on_where_it_stopped(tiny_folder, long_video, tmp_path, number, status, said):
    out = tmp_path / "long.csv"
    process = start(tiny_folder, long_video, "--output", out)
    wait_until(state_file(out).exists, process)
    os.kill(process.pid, number)
    printed, complaint = process.communicate(timeout=TIMEOUT_SEC)
    assert process.returncode == status and said in complaint and "Traceback" not in complaint and printed == ""
    hidden = {".partial", ".lock"} if number == signal.SIGKILL else set()  # nothing could remove them
    left = {path for path in tmp_path.iterdir() if not any(part in path.name for part in hidden)}
    assert left == {record_file(out), state_file(out)}  # no half-written output
    if number == signal.SIGKILL:
        again = start(tiny_folder, long_video, "--output", out)
        printed, complaint = again.communicate(timeout=TIMEOUT_SEC)
        assert again.returncode == 0, complaint
        assert "long.mp4: goes on at " in complaint and "600.0 s" in printed
        assert set(tmp_path.iterdir()) == {out, record_file(out)}
        table = pd.read_csv(out)
        assert table["start_sec"].tolist() == sorted(set(table["start_sec"])) and len(table) == 4 * 600 - 7
