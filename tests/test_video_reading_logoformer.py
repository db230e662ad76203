import os
import pickle
import sys
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from errors import raises_naming
from pictures import decode_all, marked_frames, save_frames
from PIL import Image
from processes import run_process, run_python

from logoformer_hf import VideoReadError
from logoformer_hf import video_reading_logoformer as video_reading
from logoformer_hf.faces.footage import Footage
from logoformer_hf.video_container_logoformer import FrameDecoder, open_container
from logoformer_hf.video_processing_logoformer import LogoFormerVideoProcessor, sample_frame_indices
from logoformer_hf.video_reading_logoformer import read_clip, read_frames

# --- video files

B_FRAMES = {"g": "12", "bf": "2"}
FAST_VP = {"g": "12", "deadline": "realtime", "cpu-used": "8"}
# name: (encoder, options, container, pixel format)
FILES = {
    "h264.mp4": ("libx264", B_FRAMES, None, "yuv420p"),
    "open_gop.mkv": ("libx264", {"x264-params": "keyint=10:open-gop=1:bframes=3"}, None, "yuv420p"),
    "mpeg4.mov": ("mpeg4", B_FRAMES, None, "yuv420p"),
    "vp9.webm": ("libvpx-vp9", FAST_VP, None, "yuv420p"),
    # frames that are decoded and never shown
    "vp8_hidden.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "20"}, None, "yuv420p"),
    "animation.gif": ("gif", {}, None, "rgb8"),
    "mjpeg.avi": ("mjpeg", {}, None, "yuvj420p"),
    "mpeg4_b_frames.avi": ("mpeg4", B_FRAMES, None, "yuv420p"),
    "h264_b_frames.avi": ("libx264", B_FRAMES, None, "yuv420p"),
    "mpeg2.ts": ("mpeg2video", B_FRAMES, "mpegts", "yuv420p"),
    "h264.ts": ("libx264", B_FRAMES, "mpegts", "yuv420p"),
    "raw.h264": ("libx264", B_FRAMES, "h264", "yuv420p"),
    "really_avi.mp4": ("mpeg4", B_FRAMES, "avi", "yuv420p"),
    "really_ts.MP4": ("libx264", B_FRAMES, "mpegts", "yuv420p"),
    "ten_bits.mp4": ("libx264", B_FRAMES, None, "yuv420p10le"),
    # whose colours are converted line by line
    "interlaced.mp4": ("libx264", {"flags": "+ildct+ilme"}, None, "yuv420p"),
    "interlaced.mkv": ("mpeg2video", {"flags": "+ildct+ilme"}, None, "yuv420p"),
}
CHOICES = {
    "middle": sample_frame_indices,
    "all": range,
    "last": lambda total: [total - 1],
    "one": lambda total: [total // 2 + 3],
    "two": lambda total: [5, total - 6],
    "ends": lambda total: [0, total // 3, total - 2],
    "repeated": lambda total: [4, 4, 4, 17, 17],
}


@pytest.fixture(scope="module")
def video_files(tmp_path_factory, write_video):
    """Path and all frames of a file of `FILES`, made when first asked for."""
    folder, made = tmp_path_factory.mktemp("videos"), {}

    def get(name: str) -> tuple[Path, np.ndarray]:
        if name not in made:
            codec, options, container, pix_fmt = FILES[name]
            path = write_video(folder / name, 60, codec=codec, pix_fmt=pix_fmt, container_format=container, **options)
            made[name] = path, decode_all(path)
        return made[name]

    return get


@pytest.mark.parametrize("name", FILES)
def test_chosen_frames_are_those_of_a_full_decode(name, video_files):
    path, expected = video_files(name)
    assert len(expected) == 60
    for label, choose in CHOICES.items():
        frames, metadata = read_frames(path, choose)
        indices = list(choose(60))
        assert metadata.total_num_frames == 60, label
        assert list(metadata.frames_indices) == indices, label
        wrong = [index for index, frame in zip(indices, frames, strict=True) if (frame != expected[index]).any()]
        assert not wrong, label
    frames, _ = read_frames(str(path), lambda total: [7])
    assert (frames == expected[7:8]).all()


def test_a_file_that_shows_its_sound_late_is_read(media, tmp_path):
    path = tmp_path / "late_sound.flv"
    with av.open(str(media / "face_frontal.mp4")) as source, av.open(str(path), "w") as target:
        copies = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                target.mux(packet)
    with av.open(str(path)) as container, pytest.raises(IndexError):  # of PyAV
        list(container.demux(video=0))
    frames, metadata = read_frames(path, range)
    assert metadata.total_num_frames == 72 and metadata.num_lost == 0
    assert (frames == decode_all(media / "face_frontal.mp4")).all()
    with Footage(path) as footage:
        assert len(list(footage)) == 72 and footage.notes == []


@pytest.mark.parametrize(
    ("name", "num_frames"),
    [("face_frontal.mp4", 72), ("no_face.mp4", 95), ("face_far.mkv", 87), ("two_faces.gif", 56)],
)
def test_real_clips_are_counted_and_read_right(name, num_frames, media):
    expected = {}
    indices = sample_frame_indices(num_frames)
    with av.open(str(media / name)) as container:
        for count, frame in enumerate(container.decode(video=0), start=1):
            if count - 1 in indices:
                expected[count - 1] = frame.to_ndarray(format="rgb24")
    assert count == num_frames
    frames, metadata = read_frames(media / name, sample_frame_indices)
    assert metadata.total_num_frames == num_frames
    assert metadata.frames_indices == indices
    for index, frame in zip(indices, frames, strict=True):
        assert (frame == expected[index]).all(), index


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_frames_are_turned_as_the_file_says(rotation, suffix, tmp_path, write_video):
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")
    path = write_video(tmp_path / f"turned.{suffix}", 8, rotation=rotation)
    frames, _ = read_frames(path, range)
    # The matrix's angle is anticlockwise, as NumPy's; PyAV's own arrays are not turned.
    assert (frames == np.rot90(decode_all(path), k=rotation // 90, axes=(1, 2))).all()


def test_jpegs_one_after_another_are_read_without_seeking(tmp_path):
    path = tmp_path / "raw.mjpeg"
    pictures = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), np.uint8)  # so large that FFmpeg sees images
    with path.open("wb") as file:
        for picture in pictures:
            Image.fromarray(picture).save(file, "JPEG")
    frames, metadata = read_frames(path, lambda total: [0, total // 2, total - 1])
    assert metadata.total_num_frames == 24
    assert (frames == decode_all(path)[[0, 12, 23]]).all()


def test_a_pipe_is_not_called_empty(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with raises_naming(VideoReadError, tmp_path / "pipe.mp4", "a pipe or a device, not a file"):
        read_frames(tmp_path / "pipe.mp4", range)


def test_a_link_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    with raises_naming(VideoReadError, tmp_path / "link.mp4", "the link leads to nothing"):
        read_frames(tmp_path / "link.mp4", range)


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """Timestamps of the frames that PyAV decodes."""
    decoded, counted = [], FrameDecoder._counted

    def noted(self, frame):
        decoded.append(frame.pts)
        return counted(self, frame)

    monkeypatch.setattr(FrameDecoder, "_counted", noted)
    return decoded


def test_only_the_neighbourhood_of_chosen_frames_is_decoded(tmp_path, write_video, decoded):
    path = write_video(tmp_path / "long.mp4", 2000, codec="mpeg4", size=(16, 16), g="25")
    expected = decode_all(path)
    frames, metadata = read_frames(path, sample_frame_indices)
    assert (frames == expected[metadata.frames_indices]).all()
    assert 16 <= len(decoded) <= 8 * (25 + 1)  # at most one group of pictures a segment, and its second frame
    assert len(decoded) == len(set(decoded))
    decoded.clear()
    read_frames(path, lambda total: range(100, 150))  # two whole groups: nothing twice, nothing besides
    assert len(decoded) == 50


PEAK_MEMORY = """
import resource, sys
from logoformer_hf import video_reading_logoformer as reader
from logoformer_hf.video_processing_logoformer import sample_frame_indices
unit = 1 if sys.platform == "darwin" else 1024
def peak(paths):
    for path in paths:
        reader.read_frames(path, sample_frame_indices)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
short = peak(sys.argv[1:3])
print(peak(sys.argv[3:5]) - short)
"""


def test_memory_does_not_grow_with_the_length(tmp_path, write_video):
    pytest.importorskip("resource", reason="peak memory is measured with the resource module of Unix")
    paths = []
    for num_frames in (200, 4000):
        # One file by seeking and one from start to end, since AVI with B-frames can't be sought in.
        for name, options in {"seek.mp4": {}, "through.avi": {"bf": "2"}}.items():
            path = tmp_path / f"{num_frames}_{name}"
            paths.append(write_video(path, num_frames, codec="mpeg4", size=(128, 128), g="25", **options))
    growth = int(run_python(PEAK_MEMORY, *paths).stdout.split()[-1])
    assert growth < 40e6  # all frames would be 4000 x 128 x 128 x 3 = 197 MB


# --- what cannot be read


def audio_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def without_frames(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()


def truncated_png(path: Path) -> None:
    save_frames(path, np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8))
    file = path / "frame1.png"
    file.write_bytes(file.read_bytes()[:4000])


# name: what makes it, and what the reason names
BAD_FILES = {
    "missing.mp4": (lambda path: None, ""),
    "empty.mp4": (lambda path: path.touch(), "empty"),
    "text.mp4": (lambda path: path.write_text("Dear diary"), "Invalid data"),  # FFmpeg's own words
    "noise.mkv": (lambda path: path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 9), ""),
    "audio.mp4": (audio_only, "video stream"),
    "no_frames.mp4": (without_frames, "video stream"),
    "no_frames.mkv": (without_frames, ""),
    "folder": (lambda path: path.mkdir(), ".bmp"),
    "of_folders": (lambda path: (path / "00001").mkdir(parents=True), ".png"),
    "of_broken_images": (truncated_png, "frame1.png"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_unreadable_files_are_named_with_the_reason(name, tmp_path):
    make, reason = BAD_FILES[name]
    path = tmp_path / name
    make(path)
    with raises_naming(VideoReadError, reason) as caught:
        read_clip(path, sample_frame_indices)
    message = str(caught.value)
    assert message.startswith(str(path)) and len(message) > len(str(path)) + 10
    for noise in ("\n", "Errno", ".cpp"):
        assert noise not in message
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy)) == (VideoReadError, message)


@pytest.mark.parametrize("index_at", ["end", "start"])
def test_half_a_file_is_an_error_or_fewer_frames(index_at, tmp_path, write_video):
    codec_options = {} if index_at == "end" else {"movflags": "faststart"}
    path = tmp_path / "half.mp4"
    with av.open(str(path), "w", options=codec_options) as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
        for frame in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    whole = decode_all(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if index_at == "end":
        with raises_naming(VideoReadError, "half.mp4"):
            read_frames(path, sample_frame_indices)
    else:  # what is there, though the header promises all
        frames, metadata = read_frames(path, sample_frame_indices)
        assert 20 < metadata.total_num_frames < 40
        assert (frames == whole[metadata.frames_indices]).all()


@contextmanager
def as_another_user(path: Path):
    """Root may read everything, so as root the test steps down to a user that the folder is closed to."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions of this system work in another way")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(0o700)


@pytest.mark.parametrize("closed", ["file", "folder", "parent"])
def test_missing_permission_is_said(closed, tmp_path, write_video):
    path = write_video(tmp_path / "clip.mp4", 3) if closed == "file" else tmp_path / "frames"
    if closed != "file":
        save_frames(path, marked_frames(3))
    video = path / "frame1.png" if closed == "parent" else path
    with as_another_user(path), raises_naming(VideoReadError, "Permission denied") as caught:  # the system's words
        read_frames(video, sample_frame_indices)
    assert str(caught.value).startswith(str(video))


# --- one video alone is opened


@pytest.mark.parametrize("playlist", ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"])
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8"])
def test_a_playlist_opens_no_other_file(playlist, name, tmp_path, write_video):
    """It would show whoever sends one what is beside it."""
    write_video(tmp_path / "other.mkv", 20)
    (tmp_path / name).write_text(playlist.format("other.mkv"))
    with raises_naming(VideoReadError, tmp_path / name):
        read_frames(tmp_path / name, sample_frame_indices)


# --- videos in memory


@pytest.mark.parametrize("name", ["h264.mp4", "animation.gif", "mjpeg.avi", "h264.ts", "vp9.webm"])
def test_the_content_of_a_file_gives_the_frames_of_the_file(name, video_files):
    path, expected = video_files(name)
    content = path.read_bytes()
    for clip in (content, {"bytes": content, "path": None}, {"bytes": None, "path": str(path)}):
        frames, metadata = read_clip(clip, sample_frame_indices)
        assert (frames == expected[sample_frame_indices(60)]).all() and metadata.total_num_frames == 60
    pixels = LogoFormerVideoProcessor()(str(path), return_tensors="pt")["pixel_values"]
    row = {"bytes": content, "path": "clip.mp4"}
    for batch, number in ((content, 1), (row, 1), ([content], 1), ([row, row], 2), ([content, row, str(path)], 3)):
        embedded = LogoFormerVideoProcessor()(batch, return_tensors="pt")["pixel_values"]
        assert embedded.shape[0] == number and (embedded == pixels).all()


def test_the_content_of_an_image_is_a_clip_of_one_frame(tmp_path):
    [file] = save_frames(tmp_path / "frames", marked_frames(1))
    for clip in (file.read_bytes(), {"bytes": file.read_bytes(), "path": None}, {"bytes": None, "path": str(file)}):
        assert (read_clip(clip, range)[0] == marked_frames(1)).all()


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00\x00\x00\x18ftypisom" + bytes(40)])
def test_content_that_is_no_video_is_named(content):
    with raises_naming(VideoReadError, "clip7.mp4"):
        read_clip({"bytes": content, "path": "clip7.mp4"}, range)


# --- worker processes

WORKERS = """
import hashlib, sys
from torch.utils.data import DataLoader, Dataset
from logoformer_hf import video_reading_logoformer as reader
from logoformer_hf.video_processing_logoformer import LogoFormerVideoProcessor

class Clips(Dataset):
    def __init__(self, paths):
        self.paths, self.processor = paths, LogoFormerVideoProcessor()
    def __len__(self):
        return len(self.paths)
    def __getitem__(self, index):
        pixels = self.processor([self.paths[index]], do_normalize=False, do_rescale=False)["pixel_values"][0]
        return hashlib.sha256(pixels.numpy().tobytes()).hexdigest()

if __name__ == "__main__":
    clips = Clips(sys.argv[1:])
    digests = [clips[index] for index in range(len(clips))]
    for method in ("fork", "spawn", "forkserver"):
        found = list(DataLoader(clips, batch_size=None, num_workers=1, multiprocessing_context=method))
        assert found == digests, (method, [a == b for a, b in zip(found, digests)])
    print("the same")
"""


@pytest.mark.slow
def test_every_kind_of_worker_process_gives_the_same_frames(video_files, tmp_path):
    program = tmp_path / "workers.py"
    program.write_text(WORKERS)
    if sys.platform != "linux":
        pytest.skip("this system has no fork")
    finished = run_process([sys.executable, program, *(video_files(name)[0] for name in FILES)])
    assert finished.stdout.strip().endswith("the same")


@pytest.mark.parametrize(("rotation", "turns"), [(46, 1), (30, 0), (-100, -1)])
def test_an_odd_angle_is_rounded_to_a_quarter_turn(rotation, turns, tmp_path, write_video):
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")
    path = write_video(tmp_path / "turned.mp4", 8, rotation=rotation)
    frames, _ = read_frames(path, range)
    assert (frames == np.rot90(decode_all(path), k=turns, axes=(1, 2))).all()


@pytest.mark.parametrize("name", ["h264.mp4", "open_gop.mkv", "vp9.webm", "animation.gif", "mpeg2.ts"])
def test_a_file_is_opened_once_where_it_can_be_rewound(name, video_files, monkeypatch):
    opened = []
    real = video_reading.open_container

    def counted(video):
        opened.append(video)
        return real(video)

    monkeypatch.setattr(video_reading, "open_container", counted)
    read_frames(video_files(name)[0], sample_frame_indices)
    assert (len(opened) == 1) != name.endswith(".ts")


def test_packets_of_a_large_file_are_not_kept(video_files, monkeypatch):
    monkeypatch.setattr(video_reading, "MAX_KEPT_BYTES", 1000)
    path, every = video_files("animation.gif")
    with open_container(path) as container:
        assert video_reading.scan_packets(container, container.streams.video[0]).packets is None
    assert (read_frames(path, sample_frame_indices)[0] == every[sample_frame_indices(len(every))]).all()


def test_errors_of_who_chooses_are_not_those_of_the_file(video_files):
    def choose(total):
        raise ValueError("nothing to choose")

    with pytest.raises(ValueError, match=r"^nothing to choose$"):
        read_frames(video_files("h264.mp4")[0], choose)
