import io

import numpy as np
import pytest
from errors import raises_naming
from pictures import marked_frames, save_frames, save_jpegs, smooth_pictures
from PIL import Image

from logoformer_hf import VideoReadError
from logoformer_hf import image_reading_logoformer as images
from logoformer_hf.image_reading_logoformer import read_encoded_frames
from logoformer_hf.video_processing_logoformer import sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_clip, read_frames

# --- frames as files


def test_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    frames = marked_frames(12)
    save_frames(tmp_path, frames)  # frame1 ... frame12: by letters, frame10 would follow frame1
    (tmp_path / "notes.txt").write_text("no frame")
    (tmp_path / "._frame1.png").write_bytes(b"what a Mac leaves in archives")
    for folder in (tmp_path, str(tmp_path)):
        assert (read_clip(folder, sample_frame_indices)[0] == frames[sample_frame_indices(12)]).all()


def test_only_sampled_files_are_opened_and_brought_to_one_size(tmp_path):
    files = save_frames(tmp_path, marked_frames(72))
    files[0].write_bytes(b"broken")  # index 0 is not among the sampled ones
    Image.new("RGB", (16, 12), (9, 9, 9)).save(files[12])
    frames, metadata = read_frames(tmp_path, sample_frame_indices)
    assert metadata.total_num_frames == 72
    assert frames.shape == (16, 6, 8, 3)
    assert frames[:, 3, 3, 0].tolist() == [9 if i == 12 else i for i in metadata.frames_indices]
    files[13].write_bytes(b"broken")
    with raises_naming(VideoReadError, "frame14.png"):
        read_frames(tmp_path, sample_frame_indices)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK"])
def test_frame_files_of_other_modes_become_rgb(mode, tmp_path):
    suffix = "jpg" if mode == "CMYK" else "png"  # neither writes all of them
    for number in range(2):
        Image.new("RGB", (8, 6), (40, 40, 40)).convert(mode).save(tmp_path / f"{number}.{suffix}")
    frames, _ = read_frames(tmp_path, range)
    assert frames.shape == (2, 6, 8, 3)
    assert (frames == 40).all()


@pytest.mark.parametrize(
    ("size", "min_side_px", "decoded"),
    [
        ((256, 256), None, (256, 256)),
        ((256, 256), 129, (256, 256)),
        ((256, 256), 128, (128, 128)),
        ((256, 256), 65, (128, 128)),
        ((256, 256), 64, (64, 64)),
        ((256, 256), 32, (32, 32)),
        ((256, 256), 1, (32, 32)),  # a JPEG can be decoded at an eighth of its size, no less
        ((240, 426), 112, (120, 213)),
        ((240, 425), 112, (240, 425)),  # half of 425 would not be the same picture
        ((1080, 1812), 112, (270, 453)),
        ((100, 100), 112, (100, 100)),
    ],
)
def test_jpegs_are_decoded_no_larger_than_needed(size, min_side_px, decoded, tmp_path):
    files = save_jpegs(tmp_path / "clip", smooth_pictures(2, *size))
    contents = [file.read_bytes() for file in files]
    for frames, _ in (
        read_frames(tmp_path / "clip", range, min_side_px),
        read_encoded_frames(files, range, min_side_px),
        read_encoded_frames(contents, range, min_side_px),
    ):
        assert frames.shape == (2, *decoded, 3)
        for frame, file in zip(frames, files, strict=True):
            with Image.open(file) as whole:
                # What libjpeg leaves out is what averaging each block of pixels leaves out.
                expected = np.asarray(whole.resize(decoded[::-1], Image.Resampling.BOX)).astype(int)
            assert np.abs(frame - expected).mean() < 1


def test_only_jpegs_are_decoded_smaller(tmp_path):
    frames = marked_frames(3, 64, 64)
    save_frames(tmp_path, frames)
    assert (read_frames(tmp_path, range, 8)[0] == frames).all()


def test_only_sampled_embedded_images_are_decoded(tmp_path):
    contents = [file.read_bytes() for file in save_frames(tmp_path / "clip", marked_frames(72))]
    contents[0] = b"broken"  # index 0 is not among the sampled ones
    read_clip(contents, sample_frame_indices)
    contents[13] = b"broken"
    with raises_naming(VideoReadError, "frame 13"):
        read_clip(contents, sample_frame_indices)
    named = [{"bytes": content, "path": f"{number}.png"} for number, content in enumerate(contents)]
    with raises_naming(VideoReadError, "frame 13", "13.png"):
        read_clip(named, sample_frame_indices)
    truncated = save_jpegs(tmp_path / "jpegs", smooth_pictures(1, 64, 64))[0].read_bytes()[:-200]
    with raises_naming(VideoReadError, "frame 0"):
        read_clip([truncated], sample_frame_indices)
    with raises_naming(VideoReadError, "gone.jpg"):
        read_clip([{"bytes": None, "path": "gone.jpg"}], sample_frame_indices)


# --- the quick JPEG decoder


def jpeg_bytes(size=(64, 48), mode="RGB", **options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("min_side_px", [None, 1, 12, 24, 48])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 90},
        {"quality": 40, "subsampling": 0},
        {"quality": 75, "subsampling": 1, "progressive": True},
        {"mode": "L"},
        {"mode": "CMYK"},
        {"size": (67, 53)},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_both_jpeg_decoders_give_the_same_pixels(options, min_side_px):
    pytest.importorskip("simplejpeg")
    content = jpeg_bytes(**options)
    quick = images.decode_jpeg(content, min_side_px)
    expected = images.decode_with_pillow(content, "frame", min_side_px)
    if options.get("mode") == "CMYK":
        assert quick is None
    else:
        assert np.array_equal(quick, expected)


@pytest.mark.parametrize("content", [jpeg_bytes()[:-60], b"\xff\xd8", b"", b"no picture"])
def test_what_the_quick_decoder_leaves_alone(content):
    assert images.decode_jpeg(content, None) is None
    with raises_naming(VideoReadError, "frame7.jpg"):
        images.decode_with_pillow(content, "frame7.jpg", None)


def test_without_the_quick_decoder_frames_are_the_same(tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_bytes((64, 64), quality=50 + number))
    frames, _ = read_frames(tmp_path, sample_frame_indices, 32)
    assert frames.shape == (16, 32, 32, 3)
    monkeypatch.setattr(images, "simplejpeg_library", lambda: None)
    assert np.array_equal(read_frames(tmp_path, sample_frame_indices, 32)[0], frames)
