"""The sound of an overlay: copied where an mp4 file can have it, else as AAC, always in step with the pictures."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from logoformer_hf.timeline.overlay_file import OverlayFile
from logoformer_hf.timeline.overlay_sound import Sound


def write_click(
    path: Path,
    codec: str,
    rate: int = 44100,
    start_sec: float = 0.0,
    click_sec: float = 1.0,
    layout: str = "stereo",
    gap_sec: tuple[float, float] | None = None,
    container_format: str | None = None,
) -> Path:
    """Two seconds of silence with a click, and a video stream of one picture."""
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV's FFmpeg has no encoder {codec}")
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    samples = np.zeros((channels, 2 * rate), np.float32)
    samples[:, round((click_sec - start_sec) * rate) :][:, :200] = 0.9
    with av.open(str(path), "w", format=container_format) as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codec, rate=rate, layout=layout)
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        for first in range(0, samples.shape[1], 1024):
            if gap_sec and gap_sec[0] <= first / rate < gap_sec[1]:
                continue
            part = np.ascontiguousarray(samples[:, first : first + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, first + round(start_sec * rate), Fraction(1, rate)
            container.mux(audio.encode(frame))
        container.mux(video.encode())
        container.mux(audio.encode())
    return path


def click_of(path: Path) -> tuple[str, int, float]:
    """Codec, number of channels and time of the click in seconds."""
    with av.open(str(path)) as container:
        context = container.streams.audio[0].codec_context
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(float)).reshape(-1)
            loud = np.flatnonzero(samples > 0.3 * (1 if samples.max() <= 2 else 32767))
            if len(loud):
                if frame.format.is_packed:
                    loud = loud // len(frame.layout.channels)
                position = loud[0] % frame.samples
                return context.codec.canonical_name, context.channels, frame.time + position / frame.sample_rate
    raise AssertionError(f"{path}: no click")


def pass_on(source: Path, target: Path, start_sec: float = 0.0) -> list[str]:
    sound = Sound(source, start_sec)
    output = OverlayFile(target, 64, 48, 25.0, sound)
    for number in range(50):
        output.write(np.zeros((48, 64, 3), np.uint8), number / 25, 1 / 25)
    output.finish()
    sound.close()
    return sound.notes


@pytest.mark.parametrize(
    "name, codec, rate, codec_after",
    [
        ("a.mp4", "aac", 44100, "aac"),
        ("a.ts", "aac", 44100, "aac"),
        ("a.mkv", "libopus", 48000, "opus"),
        ("a.mp4", "libmp3lame", 44100, "mp3"),
        ("a.mkv", "flac", 48000, "flac"),
        ("a.mov", "pcm_s16le", 8000, "aac"),
        ("a.mkv", "pcm_s16le", 192000, "aac"),
        ("a.avi", "mp2", 44100, "aac"),
    ],
)
def test_the_click_stays_where_it_is(tmp_path, name, codec, rate, codec_after):
    source = write_click(tmp_path / name, codec, rate)
    with av.open(str(source)) as container:
        start_sec = container.start_time / av.time_base
    assert pass_on(source, tmp_path / "out.mp4", start_sec) == []
    codec_now, channels, click_sec = click_of(tmp_path / "out.mp4")
    assert (codec_now, channels) == (codec_after, 2)
    assert click_sec == pytest.approx(click_of(source)[2] - start_sec, abs=0.003)


def test_copied_packets_are_the_same_bytes(tmp_path):
    source = write_click(tmp_path / "a.mp4", "aac")
    pass_on(source, tmp_path / "out.mp4")

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert packets(source) == packets(tmp_path / "out.mp4")


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_that_begins_later(tmp_path, codec):
    source = write_click(tmp_path / "a.mkv", codec, start_sec=0.4)
    pass_on(source, tmp_path / "out.mp4")
    assert click_of(tmp_path / "out.mp4")[2] == pytest.approx(1.0, abs=0.005)


def test_a_gap_is_filled_with_silence(tmp_path):
    source = write_click(tmp_path / "a.mkv", "pcm_s16le", gap_sec=(0.3, 0.8))
    pass_on(source, tmp_path / "out.mp4")
    assert click_of(tmp_path / "out.mp4")[2] == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize("layout, channels", [("mono", 1), ("5.1", 2)])
def test_channels_of_encoded_sound(tmp_path, layout, channels):
    source = write_click(tmp_path / "a.mkv", "pcm_s16le", layout=layout)
    pass_on(source, tmp_path / "out.mp4")
    assert click_of(tmp_path / "out.mp4")[1] == channels


def test_a_file_without_sound(tmp_path, write_video):
    assert pass_on(write_video(tmp_path / "a.mp4", 5), tmp_path / "out.mp4") == []
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not container.streams.audio


def test_a_file_that_breaks_off(tmp_path):
    whole = write_click(tmp_path / "a.mkv", "pcm_s16le")
    source = tmp_path / "half.mkv"
    source.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    pass_on(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        last = max(frame.time for frame in container.decode(audio=0))
    assert 0.7 < last < 1.1


def test_a_file_that_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video " * 100)
    sound = Sound(tmp_path / "a.mp4", 0.0)
    assert len(sound.notes) == 1 and "sound" in sound.notes[0]
    sound.close()
