import io
import os
from pathlib import Path

import numpy as np
import pytest
from errors import raises_naming
from pictures import marked_frames, save_frames, save_jpegs, smooth_pictures
from PIL import Image

from logoformer_hf import VideoReadError
from logoformer_hf import image_reading_logoformer as images
from logoformer_hf.faces.footage import Footage
from logoformer_hf.image_reading_logoformer import read_encoded_frames
from logoformer_hf.timeline.inputs import find_inputs
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


def test_frames_that_are_decoded_into_their_place_are_the_same(tmp_path):
    """The first one is copied there; what does not fit, or what PIL reads, too."""
    files = save_jpegs(tmp_path / "clip", smooth_pictures(6, 64, 64))
    pictures, exif = [Image.open(file) for file in files], Image.Exif()
    exif[0x0112] = 3
    pictures[2].resize((48, 64)).save(files[2])
    pictures[3].save(files[3], exif=exif)
    pictures[4].convert("CMYK").save(files[4])
    indices = [0, 1, 1, 2, 3, 4, 5]
    frames, _ = read_frames(tmp_path / "clip", lambda total: indices)
    for frame, index in zip(frames, indices, strict=True):
        alone = read_frames(files[index], range)[0][0]
        if index == 2:
            alone = np.asarray(Image.fromarray(alone).resize((64, 64), Image.Resampling.BILINEAR))
        assert (frame == alone).all(), index


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
    quick = images.decode_jpeg(content, "frame", min_side_px)
    expected = images.decode_with_pillow(content, "frame", min_side_px)
    if options.get("mode") == "CMYK":
        assert quick is None
    else:
        assert np.array_equal(quick, expected)


@pytest.mark.parametrize("content", [jpeg_bytes()[:-60], b"\xff\xd8", b"", b"no picture"])
def test_what_the_quick_decoder_leaves_alone(content):
    assert images.decode_jpeg(content, "frame", None) is None
    with raises_naming(VideoReadError, "frame7.jpg"):
        images.decode_with_pillow(content, "frame7.jpg", None)


def test_without_the_quick_decoder_frames_are_the_same(tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg_bytes((64, 64), quality=50 + number))
    frames, _ = read_frames(tmp_path, sample_frame_indices, 32)
    assert frames.shape == (16, 32, 32, 3)
    monkeypatch.setattr(images, "simplejpeg_library", lambda: None)
    assert np.array_equal(read_frames(tmp_path, sample_frame_indices, 32)[0], frames)


# --- upright, in 8 bits, nothing transparent

CORNERS = np.array([[[250, 0, 0], [0, 250, 0], [0, 0, 250]], [[250, 250, 0], [0, 250, 250], [250, 0, 250]]], np.uint8)
PICTURE = CORNERS.repeat(16, 0).repeat(16, 1)  # no turn or mirroring of it is itself


def stored_with(orientation: int, picture: np.ndarray = PICTURE) -> Image.Image:
    """An image that is `picture` when it is brought upright by its EXIF orientation."""
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: picture.transpose(1, 0, 2)[::-1],
        7: picture.transpose(1, 0, 2)[::-1, ::-1],
        8: picture.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    image = Image.fromarray(np.ascontiguousarray(stored))
    image.getexif()[0x0112] = orientation
    return image


def encoded(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_come_out_upright(orientation, format, monkeypatch, tmp_path):
    image = stored_with(orientation)
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {"lossless": True} if format == "WEBP" else {}
    content = encoded(image, format, exif=image.getexif(), **options)
    opened = Image.open(io.BytesIO(content))
    (tmp_path / f"frame.{format.lower()}").write_bytes(content)
    clips = [[content], opened, [opened, opened.copy()], [opened.convert("RGBA")]]
    if format != "TIFF":
        clips.append(tmp_path)
    for clip in clips:
        for side_px in (None, 16):
            frame = read_clip(clip, range, side_px)[0][0]
            small = PICTURE[::2, ::2] if frame.shape == (16, 24, 3) else PICTURE
            assert frame.shape == small.shape
            assert np.abs(frame.astype(int) - small).max() <= (10 if format == "JPEG" else 0)
    monkeypatch.setattr(images, "simplejpeg_library", lambda: None)
    assert np.abs(read_clip([content], range)[0][0].astype(int) - PICTURE).max() <= 10


def test_an_image_that_was_turned_upright_is_not_turned_again():
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(stored_with(6), "PNG", exif=bytes_of_exif(6)))))
    assert (read_clip(upright, range)[0][0] == PICTURE).all()


def bytes_of_exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0no exif at all", b"Exif\0\0II*\0\xff\xff\xff\xff"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_turns_nothing(exif, format):
    content = encoded(Image.fromarray(PICTURE), format, exif=exif)
    assert read_clip([content], range)[0].shape == (1, 32, 48, 3)


@pytest.mark.parametrize("number", [0, 9, 6000])
def test_an_orientation_that_does_not_exist_turns_nothing(number):
    content = encoded(Image.fromarray(PICTURE), "PNG", exif=bytes_of_exif(number))
    assert (read_clip([content], range)[0][0] == PICTURE).all()


GREY = np.arange(0, 256, dtype=np.uint8).repeat(2).reshape(16, 32)


@pytest.mark.parametrize("factor", [256, 257], ids=["shifted", "full range"])
@pytest.mark.parametrize("format", ["PNG", "TIFF", "memory", "memory I", "memory I;16B"])
def test_grey_of_16_bits_is_the_same_picture_as_in_8(format, factor):
    deep = GREY.astype(np.uint16) * factor
    image = Image.fromarray(deep)
    assert image.mode == "I;16"
    if format == "memory":
        clip = image
    elif format == "memory I":
        clip = Image.fromarray(deep.astype(np.int32))
    elif format == "memory I;16B":
        clip = Image.frombytes("I;16B", (32, 16), deep.astype(">u2").tobytes())
    else:
        clip = [encoded(image, format)]
    assert (read_clip(clip, range)[0][0] == GREY[..., None]).all()


def test_the_known_16_bit_image_is_that_of_8_bits(inputs):
    with Image.open(inputs / "grey_16bit.png") as image:
        eight_bits = (np.asarray(image) >> 8).astype(np.uint8)
    frame = read_clip([inputs / "grey_16bit.png"], range)[0][0]
    assert (frame == eight_bits[..., None]).all()
    assert frame.std() > 10 and frame.mean() < 200


def test_the_known_turned_image_is_upright(inputs):
    assert read_clip([inputs / "exif_6.jpg"], range)[0].shape == (1, 180, 320, 3)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("F", (4, 3), 0.5), ["frame 0", "floating"]),
        (Image.new("I", (4, 3), -1), ["frame 0", "-1"]),
        (Image.new("I", (4, 3), 70_000), ["frame 0", "70000"]),
    ],
)
def test_values_without_a_known_range_are_refused(image, words):
    with raises_naming(VideoReadError, *words):
        read_clip(image, range)
    with raises_naming(VideoReadError, *words):
        read_clip([encoded(image, "TIFF")], range)


def transparent(mode: str) -> Image.Image:
    """A black image, 8 pixels wide: the left half is opaque, of the right half a quarter of each colour is seen."""
    alpha = np.full((6, 8), 255, np.uint8)
    alpha[:, 4:] = 64
    image = Image.new("RGBA", (8, 6), (0, 0, 0, 255))
    image.putalpha(Image.fromarray(alpha))
    if mode == "P":
        image = Image.new("P", (8, 6))
        image.putpalette([0, 0, 0] * 2)
        image.paste(1, (4, 0, 8, 6))
        image.info["transparency"] = bytes([255, 64])
        return image
    if mode in ("RGBa", "La"):
        return image.convert({"RGBa": "RGBA", "La": "LA"}[mode]).convert(mode)
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA", "RGBa", "La"])
@pytest.mark.parametrize("format", ["PNG", "WEBP", "memory"])
def test_what_is_transparent_shows_a_white_background(mode, format):
    image = transparent(mode)
    if mode == "PA" and image.getchannel("A").getextrema() == (255, 255):
        pytest.skip("this PIL loses transparency where it makes such a picture")
    if format != "memory" and mode in ("PA", "RGBa", "La"):
        image = image.convert("LA" if mode == "La" else "RGBA")
    clip = (
        image if format == "memory" else [encoded(image, format, **({"lossless": True} if format == "WEBP" else {}))]
    )
    frame = read_clip(clip, range)[0][0].astype(int)
    assert (frame[:, :4] == 0).all()
    assert np.abs(frame[:, 4:] - 191).max() <= 1


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_one_transparent_colour_shows_the_background(mode):
    image = Image.new(mode, (8, 6), 0)
    image.paste(255 if mode == "L" else (7, 8, 9), (4, 0, 8, 6))
    content = encoded(image, "PNG", transparency=0 if mode == "L" else (0, 0, 0))
    frame = read_clip([content], range)[0][0]
    assert (frame[:, :4] == 255).all()
    assert (frame[:, 4:] == (255 if mode == "L" else (7, 8, 9))).all()


def test_one_transparent_value_of_16_bits_shows_the_background():
    values = np.full((6, 8), 300, np.uint16)
    values[:, 4:] = 301  # the same in 8 bits
    try:
        content = encoded(Image.fromarray(values), "PNG", transparency=300)
    except OSError:
        pytest.skip("this PIL writes no such picture")
    frame = read_clip([content], range)[0][0]
    assert (frame[:, :4] == 255).all() and (frame[:, 4:] == 1).all()


needs_avif = pytest.mark.skipif("AVIF" not in images.image_formats(), reason="this PIL reads no AVIF")


@needs_avif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_files_come_out_upright(orientation, tmp_path):
    image = stored_with(orientation)
    content = encoded(image, "AVIF", quality=100, subsampling="4:4:4", exif=image.getexif())
    (tmp_path / "picture.avif").write_bytes(content)
    for clip in (tmp_path / "picture.avif", content):
        frames, metadata = read_clip(clip, range)
        assert (frames.shape, metadata.total_num_frames) == ((1, *PICTURE.shape), 1)
        assert np.abs(frames[0].astype(int) - PICTURE).max() <= 10


@needs_avif
def test_what_is_transparent_in_an_avif_file_is_white(tmp_path):
    (tmp_path / "clear.avif").write_bytes(encoded(transparent("RGBA").resize((64, 48)), "AVIF", quality=100))
    frame = read_clip(tmp_path / "clear.avif", range)[0][0].astype(int)
    assert frame[:, :20].max() < 10 and np.abs(frame[:, -20:] - 191).max() < 10


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB"])
def test_images_in_memory_of_other_modes_become_rgb(mode):
    image = Image.new("L" if mode in "1L" else "RGB", (8, 6), "white")
    image = Image.new("LAB", (8, 6), (255, 0, 0)) if mode == "LAB" else image.convert(mode)
    frame = read_clip(image, range)[0][0]
    assert frame.shape == (6, 8, 3) and frame.dtype == np.uint8
    assert mode == "LAB" or (frame == 255).all()


def test_16_bits_per_colour_are_read():
    cv2 = pytest.importorskip("cv2")
    deep = PICTURE.astype(np.uint16) * 257
    content = cv2.imencode(".png", deep[..., ::-1])[1].tobytes()
    assert (read_clip([content], range)[0][0] == PICTURE).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_images_above_the_size_are_shrunk_and_others_are_not(orientation, format, monkeypatch):
    image = stored_with(orientation, PICTURE.repeat(2, 0).repeat(2, 1))  # 96 x 64
    content = encoded(image, format, exif=image.getexif())
    full = read_clip([content], range)[0]
    monkeypatch.setattr(images.LIMITS, "max_side_px", 96)
    assert np.array_equal(read_clip([content], range)[0], full)
    monkeypatch.setattr(images.LIMITS, "max_side_px", 48)
    for clip in ([content], Image.open(io.BytesIO(content))):
        small = read_clip(clip, range)[0]
        assert small.shape == (1, 32, 48, 3)
        assert np.abs(small[0].astype(int) - PICTURE).mean() < 3


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(images.LIMITS, "max_pixels", 30 * 40 - 1)
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        content = encoded(Image.new("RGB", (30, 40)), format)
        for clip in ([content], [content[: len(content) // 2 + 20]], Image.open(io.BytesIO(content))):
            with raises_naming(VideoReadError, "frame 0"):
                read_clip(clip, range)
        with raises_naming(VideoReadError, "30x40"):
            read_clip([content], range)


def test_a_jpeg_of_endless_scans_is_refused():
    content = encoded(Image.new("RGB", (30, 40)), "JPEG", progressive=True)
    start = content.index(b"\xff\xda")
    scan = content[start : start + 20]
    with raises_naming(VideoReadError, "frame 0", "100 scans"):
        read_clip([content[:start] + scan * 101 + content[start:]], range)


@pytest.mark.parametrize("format", ["EPS", "PCX", "SGI"])
def test_formats_that_nobody_uses_for_frames_are_not_opened(format):
    with raises_naming(VideoReadError, "frame 0", "format"):
        read_clip([encoded(Image.new("RGB", (30, 40)), format)], range)


def test_a_damaged_image_in_memory_is_named():
    content = encoded(Image.fromarray(PICTURE), "PNG")
    with raises_naming(VideoReadError, "frame 1"):
        read_clip([Image.fromarray(PICTURE), Image.open(io.BytesIO(content[:-40]))], range)


def test_repeated_frames_are_decoded_once(monkeypatch):
    decoded = []
    monkeypatch.setattr(
        images, "upright_rgb", lambda image, name, side: decoded.append(name) or np.asarray(image.convert("RGB"))
    )
    frames = [Image.new("RGB", (8, 6), (number, 0, 0)) for number in range(3)]
    given = read_clip(frames, sample_frame_indices)[0]
    assert given[:, 0, 0, 0].tolist() == sample_frame_indices(3)
    assert decoded == ["frame 0", "frame 1", "frame 2"]


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize("default_image", [False, True])
def test_an_animation_is_a_clip_of_all_its_frames(format, default_image, tmp_path):
    pictures = [Image.fromarray(np.roll(PICTURE, 5 * shift, axis=1)) for shift in range(6)]
    options = {"default_image": default_image} if format == "PNG" else {"lossless": True}
    shown = pictures[1:] if format == "PNG" and default_image else pictures
    content = encoded(pictures[0], format, save_all=True, append_images=pictures[1:], duration=40, **options)
    path = tmp_path / f"animation.{format.lower()}"
    path.write_bytes(content)
    for clip in (path, content, {"bytes": content, "path": None}):
        for choose in (range, lambda total: [1, 3, 3, total - 1]):
            frames, metadata = read_clip(clip, choose)
            assert metadata.total_num_frames == len(shown)
            assert np.array_equal(frames, [np.asarray(shown[index]) for index in choose(len(shown))])


def test_an_animation_that_costs_too_much_is_refused(tmp_path, monkeypatch):
    pictures = [Image.fromarray(np.roll(PICTURE, shift, axis=1)) for shift in range(6)]
    pictures[0].save(tmp_path / "long.png", save_all=True, append_images=pictures[1:])
    monkeypatch.setattr(images.LIMITS, "max_decoded_pixels", 5 * PICTURE[..., 0].size)
    assert len(read_clip(tmp_path / "long.png", lambda total: [0, 4])[0]) == 2
    with raises_naming(VideoReadError, tmp_path / "long.png", "too much"):
        read_clip(tmp_path / "long.png", range)


# --- what is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_or_a_device_is_no_frame(tmp_path):
    os.mkfifo(tmp_path / "1.jpg")  # to open it would wait for ever
    for path in (tmp_path / "1.jpg", Path("/dev/zero"), tmp_path):
        with raises_naming(VideoReadError, path):
            read_clip([path], lambda count: range(count))
    with raises_naming(VideoReadError, tmp_path / "1.jpg", "pipe"):
        read_clip(tmp_path, lambda count: range(count))


@pytest.mark.parametrize("path", ["a\0b", None, 0])
def test_what_is_no_path_is_no_frame(path):
    with raises_naming(VideoReadError, "frame 0"):
        read_clip([{"bytes": None, "path": path}], lambda count: range(count))


def test_heic_is_named_in_the_refusal():
    with raises_naming(VideoReadError, "HEIC", "JPEG"):
        read_clip([{"bytes": b"\0\0\0\x18ftypheic" + bytes(100), "path": None}], lambda count: range(count))


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize("as_bytes", [True, False])
def test_heic_is_refused_with_what_to_do_wherever_it_is(as_bytes, tmp_path):
    """Not one tile of a mosaic: a picture of a phone has many, each of which FFmpeg takes for a video."""
    (tmp_path / "photo.HEIC").write_bytes(HEIC)
    (tmp_path / "photo.jpg").write_bytes(HEIC)
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.heic").write_bytes(HEIC)
    clips = [HEIC, [HEIC]] if as_bytes else [tmp_path / "photo.HEIC", tmp_path / "photo.jpg", folder]
    for clip in clips:
        with raises_naming(VideoReadError, "HEIC", "convert it to JPEG"):
            read_clip(clip, range)
        if isinstance(clip, Path):
            with raises_naming(VideoReadError, clip, "HEIC", "convert it to JPEG"):
                Footage(clip)


def test_frames_beside_their_originals_in_heic_are_read(tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "1.jpg")
    (tmp_path / "1.heic").write_bytes(HEIC)
    assert len(read_clip(tmp_path, range)[0]) == 1


@needs_avif
def test_avif_in_a_folder_is_upright_as_it_is_alone(tmp_path):
    image = stored_with(6)
    content = encoded(image, "AVIF", quality=100, subsampling="4:4:4", exif=image.getexif())
    for number in range(2):
        (tmp_path / f"{number}.avif").write_bytes(content)
    frames = read_clip(tmp_path, range)[0]
    assert frames.shape == (2, *PICTURE.shape)
    assert (frames == read_clip(tmp_path / "0.avif", range)[0]).all()
    assert find_inputs([str(tmp_path)])[0].source == str(tmp_path)
