"""Many videos: what fails does not stop the others, in this process and in several."""

from pathlib import Path

import pytest
from errors import check_named

from logoformer_hf.timeline import jobs
from logoformer_hf.timeline.arguments import PredictArguments
from logoformer_hf.timeline.inputs import Input
from logoformer_hf.timeline.outputs import Job
from logoformer_hf.timeline.progress import Progress
from logoformer_hf.timeline.recognition import fingerprint, prepare_recognition
from logoformer_hf.timeline.video_lock import video_lock


@pytest.fixture(scope="module")
def prepared(tiny_folder):
    return prepare_recognition(PredictArguments(str(tiny_folder), detector="none"))


@pytest.fixture
def three(tmp_path, write_video) -> list[Job]:
    """A video, a file that is none, another video."""
    write_video(tmp_path / "a.mp4", 30)
    (tmp_path / "b.mp4").write_bytes(b"none")
    write_video(tmp_path / "c.mp4", 30)
    out = tmp_path / "out"
    return [
        Job(Input(str(tmp_path / name), name, 1.2), {"csv": out / f"{name}.csv"}, base=out / name)
        for name in ("a.mp4", "b.mp4", "c.mp4")
    ]


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_broken_file_does_not_stop_the_rest(three, prepared, num_processes, capsys):
    recognition, recognizer = prepared
    own = recognizer if num_processes == 1 else None
    problems = jobs.run_jobs(three, recognition, own, num_processes, Progress(3, 3.6))
    assert list(problems) == ["b.mp4"]
    assert [job.files["csv"].exists() for job in three] == [True, False, True]
    assert problems["b.mp4"] in three[1].problem_file.read_text()
    captured = capsys.readouterr()
    check_named(captured.out, "a.mp4: 1 person", "c.mp4: 1 person")
    assert captured.err.count("b.mp4") >= 1 and "Traceback" not in captured.err


def test_an_error_that_nobody_thought_of_is_a_problem_with_its_traceback(three, prepared, monkeypatch, capsys):
    def fail(*args, **options):
        raise ZeroDivisionError("a bug\nin a library")

    recognition, recognizer = prepared
    monkeypatch.setattr(jobs, "predict_video", fail)
    problems = jobs.run_jobs(three[:1], recognition, recognizer, 1, Progress(1, None))
    assert problems == {"a.mp4": "ZeroDivisionError: a bug in a library"}
    check_named(three[0].problem_file.read_text(), "ZeroDivisionError: a bug in a library\n", "Traceback")
    assert capsys.readouterr().err == "a.mp4: ZeroDivisionError: a bug in a library\n"


@pytest.mark.parametrize("num_processes", [1, 2])
def test_a_video_whose_outputs_cannot_be_written_fails_alone(three, prepared, num_processes, capsys):
    recognition, recognizer = prepared
    own = recognizer if num_processes == 1 else None
    set_aside = Job(three[0].video, problem="its name is 9 bytes too long")
    problems = jobs.run_jobs([set_aside, three[2]], recognition, own, num_processes, Progress(2, 2.4))
    assert problems == {"a.mp4": set_aside.problem}
    assert three[2].files["csv"].exists() and not three[0].files["csv"].exists()
    check_named(capsys.readouterr().err, "a.mp4: its name is 9 bytes too long")


def test_two_programs_make_the_outputs_of_a_video_once(three, prepared, capsys):
    recognition, recognizer = prepared
    with video_lock(three[0].base):
        problems = jobs.run_jobs(three[:1], recognition, recognizer, 1, Progress(1, None))
    check_named(problems["a.mp4"], "a.mp4", "another program")
    assert not three[0].problem_file.exists() and not three[0].files["csv"].exists()
    assert jobs.run_jobs(three[:1], recognition, recognizer, 1, Progress(1, None)) == {}
    written = three[0].files["csv"].stat().st_mtime_ns
    assert jobs.run_jobs(three[:1], recognition, recognizer, 1, Progress(1, None)) == {}
    assert "finished by another program" in capsys.readouterr().out
    assert three[0].files["csv"].stat().st_mtime_ns == written


def test_a_reason_that_cannot_be_written_is_still_said(three):
    three[0].base.parent.write_text("a file in the place of the folder")
    outcome = jobs.failed(three[0], "no video")
    check_named(outcome.text, "a.mp4: no video", three[0].problem_file)


def test_ctrl_c_is_no_problem_of_a_video(three, prepared, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    recognition, recognizer = prepared
    monkeypatch.setattr(jobs, "predict_video", interrupt)
    with pytest.raises(KeyboardInterrupt):
        jobs.run_jobs(three, recognition, recognizer, 1, Progress(3, None))
    assert not any(job.problem_file.exists() for job in three)


def test_settings_tell_models_and_detectors_apart(prepared, tiny_folder, tmp_path):
    recognition, recognizer = prepared
    copy = tmp_path / "moved"
    copy.mkdir()
    for file in Path(tiny_folder).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert fingerprint(str(copy), recognizer) == recognition.settings["model"]
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert fingerprint(str(copy), recognizer) != recognition.settings["model"]
    assert fingerprint("owner/name", recognizer).startswith("owner/name@")
    assert recognition.settings["detector"] == "none" and recognition.settings["detect_every"] == 3


def test_cores_are_counted():
    assert jobs.available_cores() >= 1
