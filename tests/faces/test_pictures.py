"""Footage that is made of images."""

import numpy as np
import pytest
from errors import raises_naming
from PIL import Image

from logoformer_hf import VideoReadError
from logoformer_hf.faces.footage import Footage
from logoformer_hf.video_reading_logoformer import read_frames


@pytest.fixture(params=[False, True], ids=["here", "in a child"])
def safe_decode(request) -> bool:
    return request.param


@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_an_animation_has_its_frames_and_times(format, options, tmp_path, safe_decode):
    path = tmp_path / f"clip.{format.lower()}"
    images = [Image.new("RGB", (32, 16), (shade, 0, 255 - shade)) for shade in range(0, 250, 50)]
    images[0].save(path, format, save_all=True, append_images=images[1:], duration=[100, 200, 40, 40, 40], **options)
    with Footage(path, safe_decode=safe_decode) as footage:
        frames = list(footage)
        assert [round(frame.time_sec, 3) for frame in frames] == [0, 0.1, 0.3, 0.34, 0.38]
        expected = read_frames(path, lambda count: range(count))[0]
        assert np.array_equal(np.stack([frame.pixels for frame in frames]), expected)
        assert footage.info.width_px == 32 and footage.notes == []


def test_an_animation_that_breaks_off_is_read_to_there(tmp_path, safe_decode):
    path = tmp_path / "clip.png"
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    images = [Image.fromarray(frame) for frame in noise]
    images[0].save(path, "PNG", save_all=True, append_images=images[1:], duration=40)
    path.write_bytes(path.read_bytes()[: -2 * path.stat().st_size // 5])
    with Footage(path, safe_decode=safe_decode) as footage:
        assert 1 <= len(list(footage)) < 5
        assert "breaks off" in footage.notes[0]


def test_a_photo_is_upright(tmp_path, safe_decode):
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (32, 16), "red").save(path, exif=exif)
    with Footage(path, safe_decode=safe_decode) as footage:
        assert [frame.pixels.shape for frame in footage] == [(32, 16, 3)]


def test_a_folder_of_frames_is_read_in_a_child_too(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (16, 16), (number * 40, 0, 0)).save(folder / f"{number}.png")
    (folder / "1.png").write_bytes(b"none")
    with Footage(folder, fps=10) as here, Footage(folder, fps=10, safe_decode=True) as there:
        assert type(there._reader._container).__name__ == "SafeContainerReader"
        assert there.info == here.info
        for frame, expected in zip(there, here, strict=True):
            assert frame.time_sec == expected.time_sec and np.array_equal(frame.pixels, expected.pixels)
        assert there.notes == here.notes and len(there.notes) == 2


def test_a_damaged_image_is_named(tmp_path, safe_decode):
    (tmp_path / "clip.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with raises_naming(VideoReadError, tmp_path / "clip.png"):
        Footage(tmp_path / "clip.png", safe_decode=safe_decode)


def test_all_frames_of_an_avi_with_frames_out_of_order_are_read(write_video, tmp_path):
    path = write_video(tmp_path / "clip.avi", 30, bf="3")
    with Footage(path) as footage:
        frames = list(footage)
    assert np.array_equal(
        np.stack([frame.pixels for frame in frames]), read_frames(path, lambda count: range(count))[0]
    )
    assert len(frames) == 30 and np.allclose(np.diff([frame.time_sec for frame in frames]), 0.04)
