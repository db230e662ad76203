"""Writes small data sets in the layouts that people have on their disks: real JPEGs and videos of a few pixels."""

import io
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from PIL import Image

EMOTIONS = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")  # DFEW's 1 to 7, FERV39K's folders

DFEW_NUMBERS = range(2521, 2556)  # 35 clips: one of each class in the test list of each fold
FERV39K_SCENES = ("Action", "Daily_Life")


@cache
def jpeg(number: int) -> bytes:
    """A picture of 16 by 16 pixels, a grey of its own for each of 256 numbers."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (number % 256,) * 3).save(file, "JPEG")
    return file.getvalue()


def write_frames(folder: Path, num_frames: int = 3, first: int = 1) -> Path:
    """A clip as a folder of frames, numbered from 1; another `first` picture gives another clip."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_frames):
        (folder / f"{number + 1:05d}.jpg").write_bytes(jpeg(first + number))
    return folder


def dfew_label(number: int) -> int:
    """The official label of a clip, 1 to 7."""
    return (number - 1) // 5 % 7 + 1


def dfew_fold(number: int) -> int:
    """The fold that tests a clip, 1 to 5."""
    return (number - 1) % 5 + 1


def write_dfew_annotation(root: Path, numbers: Iterable[int] = DFEW_NUMBERS) -> Path:
    """`EmoLabel_DataSplit` with the lists of all five folds."""
    for fold in range(1, 6):
        for split in ("train", "test"):
            lines = [
                f"{number},{dfew_label(number)}"
                for number in numbers
                if (dfew_fold(number) == fold) == (split == "test")
            ]
            file = root / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / f"set_{fold}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("video_name,label\n" + "\n".join(lines) + "\n")
    return root


def write_dfew_frames(folder: Path, numbers: Iterable[int] = DFEW_NUMBERS, num_frames: int = 3) -> Path:
    """Folders of frames as below `Clip/jpg_256`, `Clip/clip_224x224_16f` or `DFEW_Face`."""
    for number in numbers:
        write_frames(folder / f"{number:05d}", num_frames, first=number)
    return folder


def write_dfew_videos(
    folder: Path,
    write_video: Callable,
    numbers: Iterable[int] = DFEW_NUMBERS,
    name: str = "{:05d}.mp4",
    num_frames: int = 3,
) -> Path:
    """Videos as below `Clip/original`; `write_video` is the fixture of that name."""
    folder.mkdir(parents=True, exist_ok=True)
    first, *others = numbers
    video = write_video(folder / name.format(first), num_frames, size=(32, 32))
    for number in others:
        (folder / name.format(number)).write_bytes(video.read_bytes())
    return folder


def ferv39k_clips(split: str) -> list[str]:
    """The clips of a split, as `Action/Happy/0001`: of each scene and class two to train on and one to test."""
    ids = {"train": ("0001", "0002"), "test": ("0003",)}[split]
    return [f"{scene}/{emotion}/{clip}" for scene in FERV39K_SCENES for emotion in EMOTIONS for clip in ids]


def write_ferv39k_lists(folder: Path, name: str = "{}_All.csv", scenes: Iterable[str] = FERV39K_SCENES) -> Path:
    """Official lists, as below `4_setups/All_scenes`."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        clips = [clip for clip in ferv39k_clips(split) if clip.split("/")[0] in scenes]
        (folder / name.format(split)).write_text("".join(f"{clip} {clip.split('/')[1]}\n" for clip in clips))
    return folder


def write_ferv39k(root: Path, num_frames: int = 3) -> Path:
    """The official tree: the lists of all scenes and the frames of their clips."""
    write_ferv39k_lists(root / "4_setups" / "All_scenes")
    for split in ("train", "test"):
        for number, clip in enumerate(ferv39k_clips(split)):
            first = {"train": 1, "test": 101}[split] + number
            write_frames(root / "2_ClipsforFaceCrop" / clip, num_frames, first)
    return root
