"""Videos whose keyframes or timestamps are not what the file says: every choice gives the same frame for an index."""

import av
import pytest
from pictures import decode_all

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


@pytest.mark.parametrize("codec", ["msmpeg4v2", "wmv2", "mpeg4"])
def test_an_index_that_marks_every_frame_as_a_keyframe(codec, tmp_path, write_video):
    path = write_video(tmp_path / "marked.avi", NUM_FRAMES, codec=codec, g="12", bf="0")
    content = bytearray(path.read_bytes())
    place = content.rindex(b"idx1") + 8
    while place + 16 <= len(content):
        content[place + 4] |= 0x10  # AVIIF_KEYFRAME
        place += 16
    path.write_bytes(content)
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
