"""
Videos whose keyframes, timestamps or packets are not what they seem: every choice gives the same frame for an index.
"""

import sys
from io import BytesIO

import av
import numpy as np
import pytest
from pictures import decode_all
from PIL import Image

from logoformer_hf.video_reading_logoformer import read_frames

NUM_FRAMES = 40
SINGLE = (1, 11, 12, 13, 25, 39)


def copied(source, path, change):
    """Copies the packets of a video as `change(number, packet)` leaves them, without those for which it is False."""
    with av.open(str(source)) as video, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(video.streams.video[0])
        for number, packet in enumerate(video.demux(video=0)):
            if packet.size and change(number, packet) is not False:
                packet.stream = stream
                target.mux(packet)
    return path


def check_every_choice(path, expected):
    """Single frames, and a first and a last one, are those of the file when it is read whole."""
    frames, metadata = read_frames(path, range)
    assert metadata.total_num_frames == len(frames) == len(expected)
    assert (frames == expected).all()
    for index in SINGLE:
        index = min(index, len(expected) - 1)
        frame, metadata = read_frames(path, lambda total, index=index: [index])
        assert metadata.total_num_frames == len(expected), index
        assert (frame[0] == expected[index]).all(), index


# FFmpeg's decoders of the first three say what kind of picture a frame is, those of the others do not.
GIVEN = {
    **{codec: {"g": "12", "bf": "0"} for codec in ("msmpeg4v2", "wmv2", "mpeg4")},
    "cinepak": {"g": "12", "pix_fmt": "rgb24"},
    "msvideo1": {"g": "12", "pix_fmt": "rgb555le"},
}


@pytest.mark.parametrize("codec", GIVEN)
def test_an_index_that_marks_every_frame_as_a_keyframe(codec, tmp_path, write_video):
    path = write_video(tmp_path / "marked.avi", NUM_FRAMES, codec=codec, **GIVEN[codec])
    content = bytearray(path.read_bytes())
    place = content.rindex(b"idx1") + 8
    while place + 16 <= len(content):
        content[place + 4] |= 0x10  # AVIIF_KEYFRAME
        place += 16
    path.write_bytes(content)
    check_every_choice(path, decode_all(path))


def test_a_quicktime_film_that_marks_every_frame_as_a_keyframe(tmp_path, write_video):
    path = write_video(tmp_path / "marked.mov", NUM_FRAMES, codec="rpza", pix_fmt="rgb555")
    check_every_choice(path, decode_all(path))


def test_timestamps_that_move_to_the_next_frame_after_seeking(tmp_path, write_video):
    """In an MPEG program stream, whose packets have a part of a frame and several others, with one timestamp."""
    path = write_video(tmp_path / "small.mpg", 2 * NUM_FRAMES, codec="mpeg1video", g="10", container_format="mpeg")
    check_every_choice(path, decode_all(path))


def test_keyframes_that_begin_at_a_refresh_of_columns(tmp_path, write_video):
    """Where x264 refreshes column by column, a decoder that begins there shows what it never saw."""
    options = {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}
    path = write_video(tmp_path / "refresh.mp4", NUM_FRAMES, codec="libx264", **options)
    check_every_choice(path, decode_all(path))


def test_timestamps_in_the_order_of_decoding(tmp_path, write_video):
    """As copying a stream without timestamps into an mp4 gives them."""
    source = write_video(tmp_path / "source.mp4", NUM_FRAMES, codec="libx264", g="12", bf="2")

    def in_order(number, packet):
        packet.pts = packet.dts

    path = copied(source, tmp_path / "order.mp4", in_order)
    check_every_choice(path, decode_all(path))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_first_packet_that_is_no_keyframe(suffix, tmp_path, write_video):
    source = write_video(tmp_path / "source.mp4", NUM_FRAMES, codec="libx264", g="12", bf="0")
    path = copied(source, tmp_path / f"cut.{suffix}", lambda number, packet: number >= 5)
    whole, metadata = read_frames(path, range)
    assert 0 < len(whole) == metadata.total_num_frames
    check_every_choice(path, whole)


def write_palette(path):
    """A video whose pixels are numbers of colours, as from Windows and QuickTime of the nineties."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (256, 4), dtype=np.uint8)
    colours[:, 0 if sys.byteorder == "big" else 3] = 255  # opaque
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "pal8"
        for _ in range(NUM_FRAMES):
            pixels = rng.integers(0, 256, (24, 32), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray((pixels, colours), format="pal8")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["old.avi", "old.mov"])
def test_a_palette_that_comes_with_the_first_packet_alone(name, tmp_path):
    path = write_palette(tmp_path / name)
    expected = decode_all(path)
    assert len(np.unique(expected.reshape(-1, 3), axis=0)) == 256
    check_every_choice(path, expected)


def test_a_quicktime_film_in_shades_of_grey(tmp_path, write_video):
    """Its keyframes are not all of its frames, and its palette comes once."""
    path = write_video(tmp_path / "grey.mov", NUM_FRAMES, codec="qtrle", pix_fmt="gray")
    check_every_choice(path, decode_all(path))


@pytest.mark.parametrize(
    "behind", [b"!\xfe\x05hello\0", b"!\xff\x0bXMP DataXMP\x03abc\0", b"!\xf9\x04\0\0\0\0\0", b"!\xfe\x05he"]
)
def test_what_stands_behind_the_last_picture_of_a_gif_is_no_frame(behind, tmp_path):
    path, content = tmp_path / "commented.gif", BytesIO()
    images = [Image.new("L", (32, 24), 6 * number) for number in range(NUM_FRAMES)]
    images[0].save(content, "GIF", save_all=True, append_images=images[1:], duration=100)
    path.write_bytes(content.getvalue())
    expected = decode_all(path)
    assert len(expected) == NUM_FRAMES
    path.write_bytes(content.getvalue().removesuffix(b";") + behind + b";")
    check_every_choice(path, expected)
    assert read_frames(path, lambda total: [0])[1].duration == NUM_FRAMES / 10
