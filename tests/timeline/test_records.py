"""Records of outputs: what is finished, and what may not be replaced."""

import json
import os
from pathlib import Path

import pytest
from errors import raises_naming

from logoformer_hf import VideoReadError
from logoformer_hf.timeline.inputs import Input
from logoformer_hf.timeline.outputs import Job
from logoformer_hf.timeline.records import identify, is_finished, read_record, record_file, write_record

SETTINGS = {"weights": "abc", "detect_every": 3}


@pytest.fixture
def job(tmp_path) -> Job:
    """A video and one output, which is there, with the record of a finished run."""
    video = tmp_path / "a.mp4"
    video.write_bytes(b"video")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.mp4.csv").touch()
    job = Job(Input(str(video), "a.mp4"), {"csv": out / "a.mp4.csv"}, base=out / "a.mp4")
    write_record(job, SETTINGS, identify(job.video), is_finished=True)
    return job


def test_a_record_is_hidden_and_read_again(job):
    assert record_file(job.base).name.startswith(".")
    record = read_record(job.base)
    assert record.settings == SETTINGS and record.source["size_bytes"] == 5
    assert record.outputs == ["a.mp4.csv"] and record.begun == []


@pytest.mark.parametrize("text", ["", "[]", '{"version": 0}', '{"version": 1, "settings": {}}', "\x00"])
def test_what_is_no_record_counts_as_none(job, text):
    record_file(job.base).write_text(text)
    assert read_record(job.base) is None
    with raises_naming(ValueError, job.files["csv"], "--overwrite"):
        is_finished(job, SETTINGS, overwrite=False)
    assert not is_finished(job, SETTINGS, overwrite=True)


def test_what_was_made_with_the_same_settings_is_finished(job):
    assert is_finished(job, dict(SETTINGS), overwrite=False) and is_finished(job, SETTINGS, overwrite=True)


def test_outputs_that_are_missing_are_made(job):
    more = Job(job.video, {**job.files, "srt": job.base.with_name("a.mp4.srt")}, base=job.base)
    assert not is_finished(more, SETTINGS, overwrite=False)
    job.files["csv"].unlink()
    assert not is_finished(job, SETTINGS, overwrite=False)


def test_work_that_was_begun_goes_on(job):
    more = Job(job.video, {**job.files, "srt": job.base.with_name("a.mp4.srt")}, base=job.base)
    write_record(more, SETTINGS, identify(job.video), is_finished=False)
    more.files["srt"].touch()  # an earlier call made it in another way, or was killed before it said that it is done
    assert not is_finished(more, SETTINGS, overwrite=False) and is_finished(job, SETTINGS, overwrite=False)
    write_record(job, SETTINGS, identify(job.video), is_finished=False)
    write_record(job, SETTINGS, identify(job.video), is_finished=True)
    assert not is_finished(more, SETTINGS, overwrite=False)  # and may still be made
    write_record(more, SETTINGS, identify(job.video), is_finished=True)
    assert is_finished(more, SETTINGS, overwrite=False)


def test_work_of_other_settings_that_was_begun_leaves_nothing_finished(job):
    write_record(job, {"weights": "new"}, identify(job.video), is_finished=False)
    assert not is_finished(job, {"weights": "new"}, overwrite=False)


def test_other_settings_are_named_and_not_replaced(job):
    with raises_naming(ValueError, job.files["csv"], "detect_every 3 (now 5)", "--overwrite"):
        is_finished(job, SETTINGS | {"detect_every": 5}, overwrite=False)
    assert not is_finished(job, SETTINGS | {"detect_every": 5}, overwrite=True)
    job.files["csv"].unlink()  # nothing that could be lost
    assert not is_finished(job, SETTINGS | {"detect_every": 5}, overwrite=False)


def test_a_record_is_about_the_files_that_it_names(job):
    more = Job(job.video, {"srt": job.base.with_name("a.mp4.srt")}, base=job.base)
    more.files["srt"].touch()
    with raises_naming(ValueError, more.files["srt"], "--overwrite"):
        is_finished(more, SETTINGS, overwrite=False)
    write_record(more, SETTINGS, identify(more.video), is_finished=False)
    write_record(more, SETTINGS, identify(more.video), is_finished=True)
    assert is_finished(more, SETTINGS, overwrite=False) and is_finished(job, SETTINGS, overwrite=False)


def test_other_settings_forget_the_files_of_the_old_ones(job):
    more = Job(job.video, {"srt": job.base.with_name("a.mp4.srt")}, base=job.base)
    write_record(more, {"weights": "new"}, identify(more.video), is_finished=True)
    with raises_naming(ValueError, job.files["csv"], "--overwrite"):
        is_finished(job, {"weights": "new"}, overwrite=False)


def test_a_video_that_grew_while_it_was_read_is_read_again(job):
    before = identify(job.video)
    Path(job.video.source).write_bytes(b"video and more")
    write_record(job, SETTINGS, before, is_finished=True)
    assert not is_finished(job, SETTINGS, overwrite=False)


def test_a_video_that_changed_is_read_again(job):
    os.utime(job.video.source, ns=(1, 1))
    assert not is_finished(job, SETTINGS, overwrite=False)


def test_outputs_of_another_video_are_not_replaced(job, tmp_path):
    other = tmp_path / "day2" / "a.mp4"
    other.parent.mkdir()
    other.write_bytes(b"other video")
    moved = Job(Input(str(other), "a.mp4"), job.files, base=job.base)
    with raises_naming(ValueError, job.files["csv"], job.video.source, "--overwrite"):
        is_finished(moved, SETTINGS, overwrite=False)


def test_a_video_that_was_moved_is_the_same(job, tmp_path):
    moved = Path(job.video.source).rename(tmp_path / "b.mp4")
    again = Job(Input(str(moved), "a.mp4"), job.files, base=job.base)
    assert is_finished(again, SETTINGS, overwrite=False)


def test_a_camera_shows_nothing_twice(job):
    camera = Job(Input(0, "camera-0"), job.files, base=job.base)
    with raises_naming(ValueError, "camera"):
        is_finished(camera, SETTINGS, overwrite=False)
    assert not is_finished(camera, SETTINGS, overwrite=True)


def test_without_outputs_nothing_is_finished(job):
    assert not is_finished(Job(job.video), SETTINGS, overwrite=False)


def test_a_folder_of_frames_is_the_same_until_a_frame_changes(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.png").write_bytes(b"x" * (number + 1))
    before = identify(Input(str(folder), "frames"))
    assert before["size_bytes"] == 3 and before == identify(Input(str(folder), "frames"))
    (folder / "2.png").write_bytes(b"x")
    assert identify(Input(str(folder), "frames")) != before


@pytest.mark.parametrize("target", ["nowhere.mp4", "a.mp4"])
def test_a_link_that_leads_nowhere_is_named_when_it_is_read(job, target):
    Path(job.video.source).unlink()
    Path(job.video.source).symlink_to(target)
    assert not is_finished(job, SETTINGS, overwrite=False)  # it fails when it is read
    with raises_naming(VideoReadError, job.video.source, "link") as caught:
        identify(job.video)
    assert "Errno" not in str(caught.value)


def test_records_hold_names_that_are_no_utf8(tmp_path):
    video = tmp_path / os.fsdecode(b"\xff.mp4")
    video.touch()
    job = Job(Input(str(video), "x"), base=tmp_path / "base")
    write_record(job, {}, identify(job.video), is_finished=True)
    assert read_record(tmp_path / "base").source == identify(Input(str(video), "x"))
    json.loads(record_file(tmp_path / "base").read_bytes())
