"""Writes the layouts of data sets of acted expressions: the real names, and tiny videos, most of them links to one."""

import os
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{:064x}\nsize 265922\n"
# The 7,442 names, by what FIELD says of them and by what is missing in the published list.
_EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
_SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
_NOT_GIVEN = {
    *(f"1008_WSI_{emotion}_XX" for emotion in _EMOTIONS),
    *(f"1009_MTI_{emotion}_XX" for emotion in _EMOTIONS),
    *(f"1019_ITH_{emotion}_XX" for emotion in _EMOTIONS),
    *("1002_TIE_NEU_XX", "1076_ITS_NEU_XX"),
}


def crema_d_names(actors: Iterable[int] = range(1001, 1092)) -> list[str]:
    """Names of all clips of CREMA-D, or of some of its actors."""
    names = []
    for actor in actors:
        for sentence in _SENTENCES:
            for emotion in _EMOTIONS:
                kinds = ("HI", "LO", "MD") if sentence == "IEO" and emotion != "NEU" else ("XX",)
                names += [f"{actor}_{sentence}_{emotion}_{kind}" for kind in kinds]
    return [name for name in names if name not in _NOT_GIVEN]


def ravdess_names(modalities: Sequence[str] = ("01", "02"), channels: Sequence[str] = ("01", "02")) -> list[str]:
    """Names of all videos of RAVDESS."""
    names = []
    for actor in range(1, 25):
        for modality in modalities:
            for channel in channels:
                if channel == "02" and actor == 18:
                    continue
                for emotion in range(1, 9 if channel == "01" else 7):
                    for rest in np.ndindex(1 if emotion == 1 else 2, 2, 2):
                        tail = "-".join(f"{number + 1:02d}" for number in rest)
                        names.append(f"{modality}-{channel}-{emotion:02d}-{tail}-{actor:02d}")
    return names


@cache
def tiny_video(suffix: str, number: int = 0) -> bytes:
    """A video of a few pixels: `.flv` as CREMA-D's (Sorenson H.263), `.mp4` as RAVDESS's."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        frames = np.full((3, 32, 32, 3), 20 + number % 200, np.uint8)
        frames[1, :, :16] = 250
        return write_video(Path(folder) / f"a{suffix}", frames).read_bytes()


def write_video(path: Path, frames: np.ndarray, fps: int = 25) -> Path:
    """Frames `(frames, height, width, 3)` uint8 as FLV1 or H.264."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec, options = ("flv", {"qmin": "2", "qmax": "6"}) if path.suffix == ".flv" else ("libx264", {"crf": "16"})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps), options=options)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_crema_d(root: Path, names: Iterable[str] | None = None, tables: bool = True) -> Path:
    """CREMA-D as it is cloned: all videos are links to one."""
    folder = root / "VideoFlash"
    folder.mkdir(parents=True)
    names = crema_d_names() if names is None else list(names)
    _link_all((folder / f"{name}.flv" for name in names), tiny_video(".flv"))
    if tables:
        write_actors(root / "VideoDemographics.csv")
        write_votes(root / "processedResults" / "summaryTable.csv", names)
    return root


def write_actors(file: Path, actors: Iterable[int] = range(1001, 1092)) -> Path:
    """`VideoDemographics.csv`, with people of all ages; one race is unknown."""
    lines = ['"ActorID","Age","Sex","Race","Ethnicity"']
    for number, actor in enumerate(actors):
        sex = ("Male", "Female")[number % 2]
        race = ("Caucasian", "African American", "Asian", "Unknown")[0 if number % 3 else min(number // 3 % 4, 3)]
        lines.append(f'{actor},{20 + number * 55 // 91},"{sex}","{race}","Not Hispanic"')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def write_votes(file: Path, names: Iterable[str]) -> Path:
    """`summaryTable.csv`: people see what was intended; of every seventh clip equally many see two, and every
    eleventh has no vote."""
    lines = ['"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"']
    for number, name in enumerate(names):
        letter = name[9]
        vote = f"{letter}:S" if number % 7 == 0 and letter != "S" else letter
        vote = "NA" if number % 11 == 0 else vote
        lines.append(f'"{number + 1}","{name}","N","60","{vote}","50","{letter}","50"')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def write_ravdess(root: Path, names: Iterable[str] | None = None) -> Path:
    """RAVDESS as its archives unpack: `Actor_01/02-01-06-01-02-01-01.mp4`; all videos are links to one."""
    root.mkdir(parents=True)
    names = ravdess_names() if names is None else list(names)
    for actor in {name[-2:] for name in names}:
        (root / f"Actor_{actor}").mkdir()
    _link_all((root / f"Actor_{name[-2:]}" / f"{name}.mp4" for name in names), tiny_video(".mp4"))
    return root


def _link_all(paths: Iterable[Path], content: bytes) -> None:
    """The first file has the content, the others are hard links to it."""
    first = None
    for path in paths:
        if first is None:
            path.write_bytes(content)
            first = path
        else:
            os.link(first, path)


MAFW_CLASSES = (
    *("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
    *("contempt", "anxiety", "helplessness", "disappointment"),
)


def mafw_class(number: int) -> str:
    """The class of a clip in the official lists."""
    return MAFW_CLASSES[number // 5 % 11]


def write_mafw_lists(folder: Path, numbers: Iterable[int], line: str = "{number:05d}.mp4 {name}") -> Path:
    """`set_1/train.txt`, ...; fold 1 to 5 tests the numbers whose remainder by 5 it is, less one."""
    numbers = list(numbers)
    for fold in range(1, 6):
        for split in ("train", "test"):
            chosen = [number for number in numbers if (number % 5 + 1 == fold) == (split == "test")]
            file = folder / f"set_{fold}" / f"{split}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("".join(line.format(number=each, name=mafw_class(each)) + "\n" for each in chosen))
    return folder


def write_mafw(root: Path, numbers: Iterable[int] = range(55)) -> Path:
    """MAFW as it is given out, with videos that are links to one."""
    numbers = list(numbers)
    write_mafw_lists(root / "split" / "single" / "no_caption", numbers)
    folder = root / "data" / "clips"
    folder.mkdir(parents=True)
    _link_all((folder / f"{number:05d}.mp4" for number in numbers), tiny_video(".mp4"))
    return root
