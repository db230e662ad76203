from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from pictures import smooth_pictures
from PIL import Image

from logoformer_hf.frame_times_logoformer import FrameCount, count_frames
from logoformer_hf.video_processing_logoformer import LogoFormerVideoProcessor, sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_frames

QUICK_THEN_SLOW = [*range(0, 1000, 10), *range(1000, 2000, 100)]  # 100 frames, then 10, of a second each


def times_of(frames_ms: list[int], end_ms: int) -> FrameCount:
    return count_frames(frames_ms, end_ms, 0.001)


@pytest.mark.parametrize("period", [1, 33, 512])
@pytest.mark.parametrize("number", [1, 2, 3, 16, 72, 1000])
@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_constant_rate_has_no_times(period, number, last):
    pts = [7 + period * index for index in range(number)]
    assert times_of(pts, pts[-1] + last * period).times_sec is None


def test_rounded_times_and_a_missing_frame_leave_the_rate_constant():
    assert times_of([round(index * 1000 / 30) for index in range(300)], 10_000).times_sec is None
    assert times_of([index * 40 for index in range(100) if index != 50], 4000).times_sec is None


def test_times_that_cannot_be_used_are_not():
    assert times_of([0, 10, 20, None, 900], 1000).times_sec is None
    assert times_of([0, 10, 500, 400, 900], 1000).times_sec is None


def test_segments_of_a_varying_rate_have_equal_durations():
    count = times_of(QUICK_THEN_SLOW, 2000)
    assert count == 110 and count.times_sec[:2] == (0.0, 0.01) and count.times_sec[-1] == 2.0
    for generator in (None, torch.Generator().manual_seed(0)):
        indices = sample_frame_indices(count, generator=generator)
        assert indices == sorted(indices) and len(indices) == 16
        for segment in range(8):
            first, second = indices[2 * segment : 2 * segment + 2]
            assert second == first + 1
            assert segment * 250 <= QUICK_THEN_SLOW[first] and QUICK_THEN_SLOW[second] < (segment + 1) * 250
    # The middle two of each; by number of frames, the slow second would have had one pair.
    assert sample_frame_indices(count)[:2] == [11, 12]
    assert sum(index >= 100 for index in sample_frame_indices(count)) == 8


def test_random_places_reach_all_of_a_segment():
    count = times_of(QUICK_THEN_SLOW, 2000)
    starts = {sample_frame_indices(count, generator=torch.Generator().manual_seed(seed))[0] for seed in range(200)}
    assert min(starts) == 0 and max(starts) == 23  # of 25 frames


def test_a_frame_that_is_shown_for_long_is_repeated():
    count = times_of([*range(0, 1000, 50), 9000], 10_000)  # a picture stands still from 0.95 to 9 s
    indices = sample_frame_indices(count)
    assert indices[2:14] == [19] * 12 and indices[14:] == [20, 20]
    assert sample_frame_indices(times_of([0, 100, 200], 10_000), num_frames=4, frames_per_segment=2) == [2, 2, 2, 2]


def test_where_the_rate_is_constant_times_choose_the_same_frames():
    for total in (16, 17, 40, 72, 1000):
        times = FrameCount(total, tuple(index / 25 for index in range(total + 1)))
        for place in (0.5, 0.25, 0.75):
            by_time, by_count = (sample_frame_indices(each, place=place) for each in (times, total))
            assert all(abs(one - other) <= 1 for one, other in zip(by_time, by_count, strict=True)), (total, place)


def write_at(path: Path, times_ms: list[int]) -> Path:
    """A video that shows frame n at the n-th time; its pixels say the number."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "12", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_recording_of_varying_rate_is_sampled_by_time(suffix, tmp_path):
    path = write_at(tmp_path / f"screen.{suffix}", QUICK_THEN_SLOW)
    _, metadata = read_frames(path, sample_frame_indices)
    assert metadata.total_num_frames == 110
    end_ms = round(1000 * metadata.times_sec[-1])  # the encoder does not know how long the last frame is shown
    assert metadata.frames_indices == sample_frame_indices(times_of(QUICK_THEN_SLOW, end_ms))
    assert sum(index >= 100 for index in metadata.frames_indices) >= 7
    assert metadata.timestamps == pytest.approx(
        [QUICK_THEN_SLOW[index] / 1000 for index in metadata.frames_indices], abs=0.002
    )
    processed = LogoFormerVideoProcessor()(str(path), return_metadata=True)["video_metadata"][0]
    assert processed.frames_indices == metadata.frames_indices


def test_a_gif_of_varying_delays_is_sampled_by_time(tmp_path):
    images = [Image.fromarray(picture) for picture in smooth_pictures(24, 16, 24)]
    delays_ms = [20] * 12 + [200] * 12
    images[0].save(tmp_path / "clip.gif", save_all=True, append_images=images[1:], duration=delays_ms, loop=0)
    indices = read_frames(tmp_path / "clip.gif", sample_frame_indices)[1].frames_indices
    assert sum(index >= 12 for index in indices) >= 14


def test_the_screen_recording(inputs):
    _, metadata = read_frames(inputs / "vfr.mp4", sample_frame_indices)
    times = metadata.times_sec
    for position, index in enumerate(metadata.frames_indices):
        begin, end = times[-1] * (position // 2) / 8, times[-1] * (position // 2 + 1) / 8
        assert times[index] < end and times[index + 1] > begin  # shown in the segment


@pytest.mark.parametrize("name", ["face_frontal.mp4", "no_face.mp4", "face_far.mkv", "two_faces.gif"])
def test_the_real_clips_have_a_constant_rate(name, media):
    metadata = read_frames(media / name, sample_frame_indices)[1]
    assert metadata.times_sec is None
    assert metadata.frames_indices == sample_frame_indices(int(metadata.total_num_frames))
