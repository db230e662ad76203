"""Small data sets in the layouts of DFEW and FERV39K: grey pictures, and lists in every format."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

EMOTIONS = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")  # DFEW's 1 to 7
NUMBERS = range(2501, 2529)  # 28 clips, four of each class


def write_dfew(root: Path, num_frames: int = 2) -> Path:
    """The official tree of DFEW with the lists of one fold and frames: of each class three clips to train on."""
    for number in NUMBERS:
        folder = root / "Clip" / "jpg_256" / f"{number:05d}"
        folder.mkdir(parents=True)
        for frame in range(num_frames):
            picture = Image.new("RGB", (16, 16), (number % 256, 40 * frame, 0))
            picture.save(folder / f"{frame + 1:05d}.jpg")
    for split, numbers in (("train", NUMBERS[:21]), ("test", NUMBERS[21:])):
        folder = root / "EmoLabel_DataSplit" / f"{split}(single-labeled)"
        folder.mkdir(parents=True)
        lines = "".join(f"{number},{label_of(number) + 1}\n" for number in numbers)
        (folder / "set_1.csv").write_text(f"video_name,label\n{lines}")
    return root


def label_of(number: int) -> int:
    """Class number of a clip, from 0."""
    return number % 7


def _parquet(lines: list[tuple[str, int]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"path": [path for path, _ in lines], "label": [label for _, label in lines]}), file)
    return file.getvalue()


def _text(header: str, line: Callable[[int], str]) -> bytes:
    return (header + "".join(f"{line(number)}\n" for number in NUMBERS)).encode()


# A list of every format that is read, as (ending, content).
LISTS = {
    "DFEW's own": (".csv", _text("video_name,label\n", lambda n: f"{n},{label_of(n) + 1}")),
    "Former-DFER": (".txt", _text("", lambda n: f"/data/DFEW_Face/{n:05d} 16 {label_of(n)}")),
    "VideoMAE": (".csv", _text("", lambda n: f"/data/jpg_256/{n:05d} {label_of(n)}")),
    "FERV39K": (".csv", _text("", lambda n: f"Action/{EMOTIONS[label_of(n)]}/{n:04d} {EMOTIONS[label_of(n)]}")),
    "S4D": (".csv", _text("path,label\n", lambda n: f"jpg_256/{n:05d},{label_of(n)}")),
    "names in a table": (".csv", _text("path;emotion;split\n", lambda n: f'"{n}.mp4";{EMOTIONS[label_of(n)]};train')),
    "Parquet": (".parquet", _parquet([(f"{n:05d}", label_of(n)) for n in NUMBERS])),
}
