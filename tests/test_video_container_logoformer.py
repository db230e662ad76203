"""One stream of a video, upright, with square pixels, on a white background; damage read the same way every time."""

import io
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from errors import raises_naming
from pictures import decode_all, marked_frames, smooth_pictures
from PIL import Image, ImageOps

from logoformer_hf import VideoReadError
from logoformer_hf import video_reading_logoformer as video_reading
from logoformer_hf.data.sources.inventory import UnusableClip, count_frames
from logoformer_hf.faces.container import ContainerReader
from logoformer_hf.video_container_logoformer import FrameDecoder, choose_stream, open_container
from logoformer_hf.video_processing_logoformer import sample_frame_indices
from logoformer_hf.video_reading_logoformer import DamagedVideoWarning, read_frames


def jpeg_packets(frames: np.ndarray) -> list[av.Packet]:
    """Frames `(frames, height, width, 3)` as packets of Motion JPEG."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width = frames.shape[1:3]
    encoder.pix_fmt, encoder.time_base = "yuvj420p", Fraction(1, 25)
    packets = []
    for frame in frames:
        packets += encoder.encode(av.VideoFrame.from_ndarray(frame, format="rgb24"))
    return packets + encoder.encode(None)


def write_streams(path: Path, *streams: list[list[av.Packet]], default: int | None = None) -> Path:
    """A file whose video streams have these packets, each a list of parts; packet n is shown at n / 25 seconds."""
    with av.open(str(path), "w") as container:
        written = []
        for number, parts in enumerate(streams):
            stream = container.add_stream("mjpeg", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
            if default is not None:
                stream.disposition = av.stream.Disposition.default.value if number == default else 0
            written.append((stream, [packet for part in parts for packet in part]))
        for place in range(max(len(packets) for _, packets in written)):
            for stream, packets in written:
                if place < len(packets):
                    packet = packets[place]
                    packet.stream, packet.time_base = stream, Fraction(1, 25)
                    packet.pts = packet.dts = place
                    container.mux(packet)
    return path


MOVING = smooth_pictures(20, 48, 64)
COVER = np.full((1, 48, 64, 3), 200, dtype=np.uint8)


class TestStream:
    @pytest.mark.parametrize("default", [None, 0, 1])
    def test_a_cover_without_its_mark_is_not_read(self, default, tmp_path):
        path = write_streams(tmp_path / "cover.mkv", [jpeg_packets(COVER)], [jpeg_packets(MOVING)], default=default)
        frames, metadata = read_frames(path, range)
        assert metadata.total_num_frames == count_frames(path, "full") == 20
        assert np.abs(frames.astype(int) - MOVING).mean() < 20

    @pytest.mark.parametrize("default", [0, 1])
    def test_of_two_videos_the_default_one_is_read(self, default, tmp_path):
        black = np.zeros((20, 48, 64, 3), dtype=np.uint8)
        path = write_streams(tmp_path / "two.mkv", [jpeg_packets(black)], [jpeg_packets(MOVING)], default=default)
        assert (read_frames(path, range)[0].mean() > 20) == (default == 1)

    @pytest.mark.parametrize(("name", "size"), [("covr_udta_first.mp4", (360, 640)), ("two_video.mkv", (360, 640))])
    def test_the_face_is_read(self, name, size, inputs):
        frames, metadata = read_frames(inputs / name, sample_frame_indices)
        assert (metadata.total_num_frames, frames.shape) == (72, (16, *size, 3))
        assert (frames[0] != frames[-1]).any()
        assert count_frames(inputs / name) == 72

    def test_a_text_is_no_video(self, tmp_path):
        path = tmp_path / "notes.nfo"
        path.write_text("\x1b[31mDear diary\n" * 50)
        with raises_naming(VideoReadError, path):
            read_frames(path, range)


# The matrix takes (x, y), y downwards, and what it does to a picture.
MATRICES = {
    "mirrored": ((-1, 0, 0, 1), lambda frames: frames[:, :, ::-1]),
    "upside down mirrored": ((1, 0, 0, -1), lambda frames: frames[:, ::-1]),
    "transposed": ((0, 1, 1, 0), lambda frames: frames.transpose(0, 2, 1, 3)),
}


class TestGeometry:
    @pytest.mark.parametrize("name", MATRICES)
    @pytest.mark.parametrize("suffix", ["mp4", "mov"])
    def test_mirrored_videos_are_upright(self, name, suffix, tmp_path, write_video):
        if not hasattr(av.VideoStream, "set_display_matrix"):
            pytest.skip("this PyAV cannot write a display matrix that mirrors")
        (a, b, c, d), act = MATRICES[name]
        plain = write_video(tmp_path / "plain.mp4", 8)
        path = tmp_path / f"mirrored.{suffix}"
        with av.open(str(plain)) as source, av.open(str(path), "w") as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            one, whole = 1 << 16, 1 << 30
            stream.set_display_matrix([a * one, b * one, 0, c * one, d * one, 0, 0, 0, whole])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
        frames, _ = read_frames(path, range)
        assert np.array_equal(frames, act(decode_all(plain)))

    @pytest.mark.parametrize("orientation", range(2, 9))
    @pytest.mark.parametrize("suffix", ["avi", "mkv", "mov", "tif"])
    def test_the_exif_within_frames_is_applied_whole(self, orientation, suffix, tmp_path):
        image = Image.fromarray(MOVING[0])
        image.getexif()[0x0112] = orientation
        path = tmp_path / f"exif.{suffix}"
        if suffix == "tif":
            image.save(path, exif=image.getexif())
        else:
            content = io.BytesIO()
            image.save(content, "JPEG", quality=95, subsampling=0, exif=image.getexif())
            write_streams(path, [[av.Packet(content.getvalue()) for _ in range(3)]])
        frames, _ = read_frames(path, range)
        expected = np.asarray(ImageOps.exif_transpose(image))
        assert frames[-1].shape == expected.shape
        assert np.abs(frames[-1].astype(int) - expected).mean() < 4

    @pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
    def test_a_turn_within_h264_is_applied(self, suffix, tmp_path, write_video):
        plain, path = write_video(tmp_path / "plain.mp4", 8), tmp_path / f"turned.{suffix}"
        with av.open(str(plain)) as source, av.open(str(path), "w") as target:
            stream = source.streams.video[0]
            out = target.add_stream_from_template(stream)
            turn = av.BitStreamFilterContext("h264_metadata=rotate=90:display_orientation=insert", stream, out)
            for packet in source.demux(stream):
                for turned in turn.filter(packet if packet.size else None):
                    turned.stream = out
                    target.mux(turned)
        frames, _ = read_frames(path, range)
        assert np.array_equal(frames, np.rot90(decode_all(plain), axes=(1, 2)))

    def test_an_odd_size_is_read_to_its_edge(self, tmp_path):
        path = tmp_path / "odd.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 63, 47, "yuv420p", 10**6
            for picture in MOVING:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:47, :63]), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        assert np.array_equal(read_frames(path, range)[0], decode_all(path))

    @pytest.mark.parametrize(
        ("ratio", "size"), [(Fraction(2), (48, 128)), (Fraction(1, 2), (96, 64)), (Fraction(16, 15), (48, 68))]
    )
    def test_pixels_are_square(self, ratio, size, tmp_path):
        path = tmp_path / "wide.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.sample_aspect_ratio = ratio
            for picture in MOVING:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        frames, _ = read_frames(path, sample_frame_indices)
        assert frames.shape == (16, *size, 3)
        expected = Image.fromarray(decode_all(path)[sample_frame_indices(20)[3]]).resize(size[::-1])
        assert np.abs(frames[3].astype(int) - np.asarray(expected)).mean() < 15

    @pytest.mark.parametrize("first", [0, 1])
    def test_a_size_that_changes_becomes_that_of_the_first_chosen_frame(self, first, tmp_path):
        sizes = [(48, 64), (96, 128)]
        parts = [jpeg_packets(smooth_pictures(10, *size)) for size in sizes]
        path = write_streams(tmp_path / "call.mkv", parts)
        frames, metadata = read_frames(path, lambda total: [10 * first + 3, 14, 15])
        assert metadata.total_num_frames == 20
        assert frames.shape == (3, *sizes[first], 3)
        assert count_frames(path, "full") == 20

    def test_the_call_is_read_in_its_first_size(self, inputs):
        frames, metadata = read_frames(inputs / "reschange.webm", sample_frame_indices)
        assert (frames.shape, metadata.total_num_frames) == ((16, 120, 160, 3), 50)

    @pytest.mark.parametrize("height", [1, 2, 3])
    def test_a_picture_of_a_few_rows_is_refused(self, height, tmp_path):
        path = tmp_path / "flat.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("rawvideo", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((height, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with raises_naming(VideoReadError, path, f"64x{height}"):
            read_frames(path, range)


class TestPixels:
    @pytest.mark.parametrize(("codec", "suffix"), [("libvpx-vp9", "webm"), ("libvpx", "webm"), ("ffv1", "mkv")])
    def test_what_is_transparent_is_white(self, codec, suffix, tmp_path):
        path = tmp_path / f"clear.{suffix}"
        picture = np.zeros((48, 64, 4), dtype=np.uint8)
        picture[:, 32:] = (200, 0, 0, 255)  # black and transparent on the left, red on the right
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25, options={"auto-alt-ref": "0"} if suffix == "webm" else {})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
            if suffix == "webm":
                stream.metadata["alpha_mode"] = "1"
            for _ in range(6):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
            container.mux(stream.encode())
        frames, _ = read_frames(path, range)
        assert frames.shape == (6, 48, 64, 3)
        assert frames[:, 4:44, 4:28].min() > 245
        assert np.abs(frames[:, 4:44, 36:60].astype(int) - (200, 0, 0)).max() < 25

    def test_what_is_transparent_in_a_gif_is_white(self, tmp_path):
        images = []
        for number in range(5):
            image = Image.new("RGBA", (32, 16), (0, 0, 0, 0))
            image.paste((200, 0, 0, 255), (16 + number, 0, 32, 16))
            images.append(image)
        images[0].save(tmp_path / "clear.gif", save_all=True, append_images=images[1:], disposal=2)
        frames, _ = read_frames(tmp_path / "clear.gif", range)
        assert (frames[:, :, :16] == 255).all() and (frames[:, :, 24:] == (200, 0, 0)).all()

    @pytest.mark.parametrize(
        ("options", "curve", "word"), [({}, 16, "PQ"), ({}, 18, "HLG"), ({"flags": "+ildct+ilme"}, 1, "interlaced")]
    )
    def test_what_looks_other_than_in_a_player_is_noted(self, options, curve, word, tmp_path):
        path = tmp_path / "odd.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options=options)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.color_trc = curve
            for picture in MOVING:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.color_trc = curve
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        [note] = read_frames(path, range)[1].notes
        assert word in note

    @pytest.mark.parametrize(("matrix", "name"), [(8, "YCgCo"), (14, "ICtCp"), (12, "chromaticity")])
    @pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p10le"])
    def test_colours_that_are_not_read_are_named(self, matrix, name, pixels, tmp_path):
        path = tmp_path / "odd.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            stream.codec_context.colorspace = matrix
            for picture in MOVING:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
                frame.colorspace = matrix
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with raises_naming(VideoReadError, path, name, pixels, "BT.709") as raised:
            read_frames(path, range)
        assert "not supported" not in str(raised.value)


def spoil(path: Path, to: Path, seed: int) -> Path:
    """A copy of a file with some bytes overwritten in the middle."""
    rng, content = np.random.default_rng(seed), bytearray(path.read_bytes())
    for place in rng.integers(len(content) // 5, len(content) * 4 // 5, 2):
        content[place : place + 30] = rng.integers(0, 256, 30, dtype=np.uint8).tobytes()
    to.write_bytes(content)
    return to


class TestDamage:
    @pytest.mark.filterwarnings("ignore::logoformer_hf.video_reading_logoformer.DamagedVideoWarning")
    @pytest.mark.parametrize("codec", ["libx264", "mpeg4", "libx265"])
    def test_a_damaged_file_is_read_the_same_way_every_time(self, codec, tmp_path, write_video):
        options = {"x265-params": "log-level=0:keyint=12"} if codec == "libx265" else {"g": "12"}
        whole = write_video(tmp_path / "whole.mp4", 40, codec=codec, size=(512, 256), **options)
        for seed in range(3):
            path = spoil(whole, tmp_path / f"{seed}.mp4", seed)
            first = read_frames(path, range)[0]
            assert all(np.array_equal(read_frames(path, range)[0], first) for _ in range(3))

    @pytest.mark.filterwarnings("ignore::logoformer_hf.video_reading_logoformer.DamagedVideoWarning")
    @pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
    def test_a_damaged_frame_is_the_same_whichever_others_are_chosen(self, codec, tmp_path, write_video):
        whole = write_video(tmp_path / "whole.mp4", 40, codec=codec, size=(512, 256), g="8", bf="0")
        num_equal = 0
        for seed in range(6):
            path = spoil(whole, tmp_path / f"{seed}.mp4", seed)
            every, metadata = read_frames(path, range)
            for index in (4, 12, 17, 25, 30, 39):
                [alone], facts = read_frames(path, lambda total, index=index: [min(index, total - 1)])
                if facts.total_num_frames == metadata.total_num_frames:
                    assert np.array_equal(alone, every[min(index, facts.total_num_frames - 1)]), (seed, index)
                    num_equal += 1
        assert num_equal > 20

    @pytest.mark.filterwarnings("ignore::logoformer_hf.video_reading_logoformer.DamagedVideoWarning")
    def test_of_a_long_video_a_damaged_frame_alone_is_decoded(self, tmp_path, write_video, monkeypatch):
        whole = write_video(tmp_path / "whole.mp4", 40, size=(512, 256), g="8")
        path = spoil(whole, tmp_path / "0.mp4", 0)
        monkeypatch.setattr(video_reading, "MAX_FRAMES_FROM_START", 39)
        monkeypatch.setattr(video_reading, "decode_through", None)
        assert sum(read_frames(path, lambda _, index=index: [index])[1].num_damaged for index in range(40))

    def test_decoding_does_not_depend_on_the_number_of_cores(self, tmp_path, write_video):
        path = write_video(tmp_path / "clip.mp4", 3)
        with open_container(path) as container:
            stream = choose_stream(container, path)
            next(FrameDecoder(container, stream, path).frames())
            assert stream.codec_context.thread_count == 1

    @pytest.mark.parametrize("num_broken", [1, 3])
    def test_what_can_be_read_is_read_and_what_was_lost_is_said(self, num_broken, tmp_path, write_video):
        path = write_video(tmp_path / "clip.mov", 20, codec="png", pix_fmt="rgb24", size=(32, 32))
        whole, content = decode_all(path), bytearray(path.read_bytes())
        place = len(content) // 4
        for _ in range(num_broken):
            place = content.index(b"\x89PNG", place + 1)
            content[place : place + 50] = bytes(50)
        path.write_bytes(content)
        with pytest.warns(DamagedVideoWarning, match=str(path)) as caught:
            frames, metadata = read_frames(path, range)
        assert f"{num_broken} of 20" in str(caught[0].message)
        assert (metadata.num_lost, metadata.total_num_frames) == (num_broken, 20 - num_broken)
        assert all((whole == frame).all(axis=(1, 2, 3)).any() for frame in frames)
        assert count_frames(path, "quick") == 20
        with raises_naming(UnusableClip, f"{num_broken} of 20"):  # `on_problem` says what becomes of the clip
            count_frames(path, "full")

    def test_a_codec_that_nobody_knows_is_said(self, tmp_path, write_video):
        path = write_video(tmp_path / "clip.mp4", 20)
        path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
        with raises_naming(VideoReadError, path, "decoder"):
            read_frames(path, range)
        with raises_naming(UnusableClip, "decoder"):
            count_frames(path)
        with raises_naming(VideoReadError, path):
            ContainerReader(path)

    def test_an_intact_file_warns_of_nothing(self, tmp_path, write_video):
        with warnings.catch_warnings():
            warnings.simplefilter("error", DamagedVideoWarning)
            metadata = read_frames(write_video(tmp_path / "clip.mp4", 20), range)[1]
        assert (metadata.num_lost, metadata.num_damaged, metadata.notes) == (0, 0, [])

    def test_a_title_that_is_not_utf_8(self, tmp_path, inputs):
        frames, metadata = read_frames(inputs / "latin1_title.mp4", sample_frame_indices)
        assert (frames.shape, metadata.total_num_frames) == ((16, 360, 640, 3), 41)
        assert count_frames(inputs / "latin1_title.mp4", "full") == 41

    @pytest.mark.parametrize(
        "error", [UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "no"), OverflowError("big"), MemoryError(), KeyError(1)]
    )
    def test_every_error_of_a_library_names_the_clip(self, error, tmp_path, write_video, monkeypatch):
        path = write_video(tmp_path / "clip.mp4", 3)

        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(av, "open", fail)
        with raises_naming(VideoReadError, path):
            read_frames(path, range)
        with pytest.raises(UnusableClip):
            count_frames(path)


def test_an_image_is_a_clip_of_one_frame(tmp_path):
    Image.fromarray(marked_frames(1)[0]).save(tmp_path / "frame.PNG")
    frames, metadata = read_frames(tmp_path / "frame.PNG", range)
    assert (frames == marked_frames(1)).all() and metadata.total_num_frames == 1
