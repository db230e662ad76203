"""Footage that is read in a child process."""

import os
import signal
import threading

import numpy as np
import pytest
from errors import raises_naming
from web import serving

from logoformer_hf import VideoReadError
from logoformer_hf import safe_reading_logoformer as safe
from logoformer_hf.faces.footage import Footage
from logoformer_hf.timeline.ahead import ahead


def test_frames_times_and_notes_are_those_of_reading_here(write_video, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", 30)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(write_video(tmp_path / "whole.mkv", 60).read_bytes()[:-3000])
    for source in (clip, cut):
        with Footage(source) as here, Footage(source, safe_decode=True) as there:
            assert there.info == here.info
            frames = list(there)  # their pixels are asked for when the file has ended
            for frame, expected in zip(frames, here, strict=True):
                assert (frame.index, frame.time_sec, frame.size) == (expected.index, expected.time_sec, expected.size)
                assert np.array_equal(frame.pixels, expected.pixels)
            assert there.notes == here.notes


def test_frames_that_nobody_has_are_not_kept(write_video, tmp_path):
    with Footage(write_video(tmp_path / "clip.mp4", 30), safe_decode=True) as footage:
        first = last = None
        for frame in footage:
            first, last = first or frame, frame
        assert first.pixels.shape == last.pixels.shape
        dropped = footage._reader._container._dropped
        assert len(dropped) <= 1  # all others were said


def test_a_download_is_read_too(write_video, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", 3)
    with serving(tmp_path) as address, Footage(f"{address}/clip.mp4", safe_decode=True) as footage:
        assert footage.info.name == f"{address}/clip.mp4"
        with Footage(clip) as here:
            assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(footage, here, strict=True))


def test_a_child_goes_back_when_footage_is_closed_before_its_end(write_video, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", 30)
    while safe._idle:
        safe._idle.pop().close()
    with Footage(clip, safe_decode=True) as footage:
        frame = next(iter(footage))
    assert len(safe._idle) == 1
    with Footage(clip) as footage:
        assert np.array_equal(frame.pixels, next(iter(footage)).pixels)  # who has a frame can still look at it
    with pytest.raises(VideoReadError):
        Footage(tmp_path / "none.mp4", safe_decode=True)
    (tmp_path / "text.mp4").write_text("Dear diary")
    with raises_naming(VideoReadError, tmp_path / "text.mp4"):
        Footage(tmp_path / "text.mp4", safe_decode=True)
    assert len(safe._idle) == 1


def test_a_crash_in_the_middle_is_an_error(write_video, tmp_path):
    clip = write_video(tmp_path / "clip.mp4", 30)
    with Footage(clip, safe_decode=True) as footage:
        frames = iter(footage)
        next(frames)
        os.kill(footage._reader._container._child._process.pid, signal.SIGSEGV)
        with raises_naming(VideoReadError, clip, f"-{signal.SIGSEGV.value}"):
            next(frames)


def test_pixels_are_asked_for_in_one_thread_while_another_decodes(media):
    with Footage(media / "face_frontal.mp4", safe_decode=True) as footage:
        frames = list(ahead((frame for frame in footage), 4, threading.Event(), "decoding"))
        pixels = [frame.pixels for frame in frames]
    with Footage(media / "face_frontal.mp4", safe_decode=True) as footage:
        interleaved = [frame.pixels for frame in ahead((frame for frame in footage), 4, threading.Event(), "decoding")]
    assert len(pixels) == len(interleaved) > 50
    assert all(map(np.array_equal, pixels, interleaved))
