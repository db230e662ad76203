"""Reading in a child process: the same frames, and an answer whatever happens there."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import raises_naming
from pictures import marked_frames, save_frames

from logoformer_hf import LogoFormerVideoProcessor, VideoReadError
from logoformer_hf import safe_reading_logoformer as safe
from logoformer_hf.video_processing_logoformer import sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_clip


@pytest.fixture
def clip(write_video, tmp_path) -> Path:
    return write_video(tmp_path / "clip.mp4", 40)


@pytest.fixture
def no_children():
    """A test that changes what children may do begins and ends without any."""
    end_all()
    yield
    end_all()


def end_all() -> None:
    while safe._idle:
        safe._idle.pop().close()


def test_it_gives_what_reading_here_gives(clip, tmp_path):
    files = save_frames(tmp_path / "frames", marked_frames(20))
    contents = [file.read_bytes() for file in files]
    for source in (clip, str(clip), tmp_path / "frames", list(map(str, files)), contents, marked_frames(20)):
        frames, metadata = safe.read_clip_safely(source, sample_frame_indices)
        expected, expected_metadata = read_clip(source, sample_frame_indices)
        assert np.array_equal(frames, expected)
        assert metadata == expected_metadata


def test_a_path_means_what_it_means_here(clip, monkeypatch):
    monkeypatch.chdir(clip.parent)
    assert len(safe.read_clip_safely("clip.mp4", range)[0]) == 40
    with raises_naming(VideoReadError, "none.mp4: "):
        safe.read_clip_safely("none.mp4", range)


def test_errors_are_those_of_reading_here_and_the_child_goes_on(clip, tmp_path, no_children):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(VideoReadError) as here:
        read_clip(broken, range)
    with pytest.raises(VideoReadError) as there:
        safe.read_clip_safely(broken, range)
    assert str(there.value) == str(here.value)
    [child] = safe._idle
    safe.read_clip_safely(clip, range)
    assert safe._idle == [child]


def test_the_processor_reads_in_a_child(clip, no_children):
    expected = LogoFormerVideoProcessor()([clip, clip], return_tensors="pt").pixel_values
    assert not safe._idle
    for processor, options in (
        (LogoFormerVideoProcessor(), {"safe_decode": True}),
        (LogoFormerVideoProcessor(safe_decode=True), {}),
    ):
        given = processor([clip, clip], return_tensors="pt", **options).pixel_values
        assert torch.equal(given, expected)
        assert len(safe._idle) == 1


def test_draws_are_those_of_reading_here(clip):
    draws = [
        LogoFormerVideoProcessor(safe_decode=is_safe)(
            clip, return_tensors="pt", generator=torch.Generator().manual_seed(3)
        ).pixel_values
        for is_safe in (False, True)
    ]
    assert torch.equal(*draws)


def in_the_child(act):
    """`choose_indices` that does something to the child, which waits for its answer."""

    def choose_indices(count):
        act(choose_indices.child._process.pid)
        return range(count)

    return choose_indices


def read_while(act, clip, monkeypatch):
    choose_indices = in_the_child(act)
    taken = safe.take_child()
    choose_indices.child = taken
    monkeypatch.setattr(safe, "take_child", lambda: taken)
    try:
        return safe.read_clip_safely(clip, choose_indices)
    finally:
        monkeypatch.undo()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_is_an_answer(number, clip, monkeypatch, no_children):
    with raises_naming(VideoReadError, f"{clip}: ", f"-{number.value}"):
        read_while(lambda pid: os.kill(pid, number), clip, monkeypatch)
    assert not safe._idle
    assert len(safe.read_clip_safely(clip, range)[0]) == 40


def test_a_child_that_does_not_answer_is_ended(clip, monkeypatch, no_children):
    safe.read_clip_safely(clip, range)  # has started: that is no part of the time
    monkeypatch.setattr(safe.LIMITS, "max_child_sec", 1)
    choose_indices = in_the_child(lambda pid: os.kill(pid, signal.SIGSTOP))
    [choose_indices.child] = safe._idle
    with raises_naming(VideoReadError, f"{clip}: ", "1 seconds"):
        safe.read_clip_safely(clip, choose_indices)
    assert not safe._idle
    assert choose_indices.child._process.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_memory_has_a_limit(write_video, clip, tmp_path, monkeypatch, no_children):
    large = write_video(tmp_path / "large.mp4", 30, size=(1280, 960))
    assert len(safe.read_clip_safely(large, range)[0]) == 30
    end_all()
    monkeypatch.setattr(safe.LIMITS, "max_child_memory_mb", 40)
    with raises_naming(VideoReadError, f"{large}: "):
        safe.read_clip_safely(large, range)
    assert len(safe.read_clip_safely(clip, range)[0]) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_has_no_secrets_and_writes_no_files(clip, monkeypatch, no_children):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD"):
        monkeypatch.setenv(name, "not for children")
    safe.read_clip_safely(clip, range)
    process = Path("/proc") / str(safe._idle[0]._process.pid)
    environment = (process / "environ").read_bytes()
    assert b"PATH=" in environment and b"not for children" not in environment
    [line] = [line for line in (process / "limits").read_text().splitlines() if line.startswith("Max file size")]
    assert line.split()[3:5] == ["0", "0"]


def test_a_choice_that_fails_leaves_no_child_behind(clip, no_children):
    def choose_indices(count):
        raise KeyError(count)

    with pytest.raises(KeyError):
        safe.read_clip_safely(clip, choose_indices)
    assert not safe._idle


def test_threads_read_at_the_same_time(clip, no_children):
    expected = read_clip(clip, range)[0]
    barrier = threading.Barrier(3)

    def choose_indices(count):
        barrier.wait(timeout=600)  # all three are in the middle of a file
        return range(count)

    with ThreadPoolExecutor(3) as threads:
        for frames, _ in threads.map(lambda _: safe.read_clip_safely(clip, choose_indices), range(3)):
            assert np.array_equal(frames, expected)
    assert len(safe._idle) == safe.MAX_IDLE_CHILDREN


class SafeClips(torch.utils.data.Dataset):
    def __init__(self, clip):
        self.clip = clip

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.from_numpy(safe.read_clip_safely(self.clip, range)[0].copy())


def test_forked_workers_have_children_of_their_own(clip):
    here = torch.from_numpy(safe.read_clip_safely(clip, range)[0])
    loader = torch.utils.data.DataLoader(SafeClips(clip), num_workers=2, multiprocessing_context="fork")
    for frames in loader:
        assert torch.equal(frames[0], here)
    assert torch.equal(torch.from_numpy(safe.read_clip_safely(clip, range)[0]), here)
