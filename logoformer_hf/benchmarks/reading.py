"""
Measures the speed of reading clips: this package, from folders and from prepared shards, and the field's usual loader.

    python -m logoformer_hf.benchmarks.reading
    python -m logoformer_hf.benchmarks.reading --quick

All read 16 of the 70 JPEGs at 256x256 of each clip, synthetic faces in a temporary folder, with two worker processes,
and return batches of 112x112. Rounds alternate between the loaders, and medians are compared. Where other programs
run, CPU time is more reliable than elapsed time. Linux only: times and memory of the workers are read from /proc.
"""

import argparse
import glob
import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from datasets.utils import tqdm
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from ..data.clips import ClipDataset
from ..data.collator import collate_clips
from ..data.rows import clip_features
from ..data.shards import load_shards, prepare_shards
from ..data.synthetic.plan import plan_clip
from ..data.synthetic.writer import draw_frames
from ..data.transforms import TrainingTransforms
from ..video_processing_logoformer import LogoFormerVideoProcessor, sample_frame_indices
from ..video_reading_logoformer import read_clip

FRAMES_PER_CLIP = 70
FRAME_SIZE = 256
IMAGE_SIZE = 112
NUM_WORKERS = 2
BATCH_SIZE = 16


class UsualClips(Dataset[tuple[torch.Tensor, int]]):
    """
    A reimplementation of the loader in the public code of this field (Former-DFER, IAL, DFER-CLIP).

    For every clip it lists and sorts the frame files, opens each at full size, and applies the group transforms of TSN
    (Wang et al., ECCV 2016) to the list of PIL images: a random crop of 8 to 100 % of the area and a flip for
    training, resizing for evaluation, stacking, and conversion to floats between 0 and 1.
    """

    def __init__(self, rows: datasets.Dataset, training: bool):
        self.clips = list(zip(rows["video"], rows["label"], strict=True))
        self.training = training

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        folder, label = self.clips[index]
        return self.transform(self.decode(folder)), label

    def decode(self, folder: str) -> list[Image.Image]:
        """The sampled frames of a clip at full size."""
        files = sorted(glob.glob(f"{folder}/*.jpg"))  # noqa: PTH207 (as in their code; pathlib would be slower)
        generator = torch.Generator().manual_seed(random.getrandbits(32)) if self.training else None
        indices = sample_frame_indices(len(files), generator=generator)
        return [Image.open(files[index]).convert("RGB") for index in indices]

    def transform(self, frames: list[Image.Image]) -> torch.Tensor:
        """Frames to `(frames, channels, height, width)`, float32 between 0 and 1."""
        size = (IMAGE_SIZE, IMAGE_SIZE)
        if self.training:
            box = random_box(*frames[0].size)
            frames = [frame.crop(box) for frame in frames]
            frames = [frame.resize(size, Image.Resampling.BILINEAR) for frame in frames]
            if random.random() < 0.5:
                frames = [frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for frame in frames]
        else:
            frames = [frame.resize(size, Image.Resampling.BILINEAR) for frame in frames]
        stacked = np.concatenate([np.array(frame) for frame in frames], axis=2)  # (height, width, frames * channels)
        pixels = torch.from_numpy(stacked).permute(2, 0, 1).contiguous().float().div(255)
        return pixels.view(-1, 3, IMAGE_SIZE, IMAGE_SIZE)


def random_box(width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels of a random crop of 8 to 100 % of the area, 3:4 to 4:3."""
    for _ in range(10):
        area = random.uniform(0.08, 1) * width * height
        ratio = random.uniform(3 / 4, 4 / 3)
        box_width, box_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if box_width <= width and box_height <= height:
            left, top = random.randint(0, width - box_width), random.randint(0, height - box_height)
            return left, top, left + box_width, top + box_height
    return 0, 0, width, height


def draw_clips(folder: Path, num_clips: int, jpeg_quality: int) -> list[Path]:
    """Writes synthetic clips as folders of JPEGs, named as in DFEW, and returns the folders."""
    clips = []
    for number in range(num_clips):
        plan = plan_clip("train", number)
        clip = folder / f"{number + 1:05d}"
        clip.mkdir()
        moments = np.arange(FRAMES_PER_CLIP) * len(plan.poses) // FRAMES_PER_CLIP
        units, poses, lights = (each[moments] for each in (plan.action_units, plan.poses, plan.lights))
        for frame, face in enumerate(draw_frames(plan.identity, units, poses, lights, FRAME_SIZE)):
            Image.fromarray(face).save(clip / f"{frame + 1:05d}.jpg", quality=jpeg_quality)
        clips.append(clip)
    return clips


def make_rows(clips: list[Path], num_rows: int) -> datasets.Dataset:
    """A data set of `num_rows` rows that repeats the clips, each time with another `clip_id`."""
    columns = {
        "clip_id": [str(number) for number in range(num_rows)],
        "video": [str(clips[number % len(clips)]) for number in range(num_rows)],
        "num_frames": [FRAMES_PER_CLIP] * num_rows,
        "label": [number % 7 for number in range(num_rows)],
    }
    return datasets.Dataset.from_dict(columns, features=clip_features())


def make_loaders(sources: dict[str, datasets.Dataset], training: bool) -> dict[str, DataLoader[Any]]:
    """The usual loader for the first source, and the loader of this package for each source."""
    options: dict[str, Any] = {"batch_size": BATCH_SIZE, "num_workers": NUM_WORKERS, "persistent_workers": True}
    loaders: dict[str, DataLoader[Any]] = {
        "usual": DataLoader(UsualClips(next(iter(sources.values())), training), **options)
    }
    transforms = TrainingTransforms(IMAGE_SIZE) if training else None
    for name, rows in sources.items():
        clips = ClipDataset(rows, LogoFormerVideoProcessor(), transforms)
        loaders[name] = DataLoader(clips, collate_fn=collate_clips, **options)
    return loaders


def stage_ms(loader: DataLoader[Any], num_clips: int) -> dict[str, float]:
    """Milliseconds per clip in each stage, in one process: medians over `num_clips` clips."""
    clips: Any = loader.dataset
    if isinstance(clips, UsualClips):

        def decode(number: int) -> None:
            clips.decode(clips.clips[number][0])
    else:
        side_px = clips.processor.min_decoded_side_px() if clips.transforms is None else clips.transforms.min_side_px

        def decode(number: int) -> None:
            read_clip(clips.stored_rows[number].to_pylist()[0]["video"], sample_frame_indices, side_px)

    # Alternating, so that a temporary load of the machine affects both.
    times_ms = [(elapsed_ms(decode, number), elapsed_ms(clips.__getitem__, number)) for number in range(num_clips)]
    decode_ms = statistics.median(decode_ms for decode_ms, _ in times_ms)
    transform_ms = statistics.median(item_ms - decode_ms for decode_ms, item_ms in times_ms)
    batch = [clips[number] for number in range(BATCH_SIZE)]
    collate_ms = statistics.median(elapsed_ms(loader.collate_fn, batch) / BATCH_SIZE for _ in range(num_clips // 4))
    return {"list and decode": decode_ms, "resize and other transforms": transform_ms, "collate": collate_ms}


def elapsed_ms(function: Callable[..., Any], *arguments: Any) -> float:
    """Milliseconds that a call takes."""
    start_sec = time.perf_counter()
    function(*arguments)
    return 1000 * (time.perf_counter() - start_sec)


def read_all(loader: DataLoader[Any]) -> dict[str, float]:
    """Clips per second of one pass over all clips, and CPU milliseconds per clip of this process and the workers."""
    before_ms = cpu_ms()
    wall_ms = elapsed_ms(lambda: [None for _ in loader])
    clips: Any = loader.dataset
    num_clips = len(clips)
    return {"clips_per_sec": 1000 * num_clips / wall_ms, "cpu_ms": (cpu_ms() - before_ms) / num_clips}


def compare(sources: dict[str, datasets.Dataset], training: bool, num_rounds: int) -> None:
    """Prints the times of the stages and the speed of all loaders."""
    loaders = make_loaders(sources, training)
    print(f"\n{'training' if training else 'evaluation':<40}" + "".join(f"{name:>10}" for name in loaders))
    num_clips = min(100, *map(len, sources.values()))
    stages = [stage_ms(loader, num_clips) for loader in loaders.values()]
    for stage in stages[0]:
        print_line(f"{stage}, ms a clip", [each[stage] for each in stages])
    for loader in loaders.values():  # starts the workers
        read_all(loader)
    rounds = [{name: read_all(loader) for name, loader in loaders.items()} for _ in range(num_rounds)]
    for title, what in (("CPU time of all processes, ms a clip", "cpu_ms"), ("clips per second", "clips_per_sec")):
        print_line(title, [statistics.median(speeds[name][what] for speeds in rounds) for name in loaders])
        ratios = [
            statistics.median(speeds[name][what] / speeds["usual"][what] for speeds in rounds) for name in loaders
        ]
        print_line("  relative to usual", ratios)


def print_line(title: str, values: list[float]) -> None:
    """Prints one row of the table."""
    print(f"  {title:<38}" + "".join(f"{value:10.2f}" for value in values))


def process_files(name: str) -> list[str]:
    """Content of the file `name` in /proc for this process and each of its workers."""
    pids = [os.getpid(), *(worker.pid for worker in multiprocessing.active_children())]
    return [Path(f"/proc/{pid}/{name}").read_text() for pid in pids]


def cpu_ms() -> float:
    """CPU time so far, user and system: the 12th and 13th field after the program's name in brackets in `stat`."""
    fields = [stat.rsplit(")", 1)[1].split() for stat in process_files("stat")]
    return 1000 * sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def memory_mb() -> float:
    """Memory in MB of this process and its workers; shared pages are counted once."""
    lines = "".join(process_files("smaps_rollup")).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def memory_growth_mb(clips: list[Path], num_clips: int, num_first: int = 100) -> float:
    """Largest growth of memory in MB while `num_clips` clips are read for training, after the first `num_first`."""
    loader = make_loaders({"folders": make_rows(clips, num_clips)}, training=True)["folders"]
    first_mb = most_mb = 0.0
    for number, _ in enumerate(tqdm(loader, desc="Reading clips", unit="batch")):
        if number * BATCH_SIZE >= num_first and number % 10 == 0:
            most_mb = max(most_mb, memory_mb())
            first_mb = first_mb or most_mb
    return most_mb - first_mb


def main() -> None:
    """Prints the comparison of the loaders, or with `--memory` the growth of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few clips, to check that the program runs; the numbers are not meaningful",
    )
    parser.add_argument(
        "--memory", action="store_true", help="measure the growth of memory over 10,000 clips instead of the speed"
    )
    parser.add_argument(
        "--jpeg_quality", type=int, default=90, help="JPEG quality of the frames; cameras and OpenCV use 90 to 95"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)  # as in a worker
    with tempfile.TemporaryDirectory() as folder:
        clips = draw_clips(Path(folder), 2 if args.quick else 16, args.jpeg_quality)
        if args.memory:
            num_clips = 400 if args.quick else 10_000
            growth_mb = memory_growth_mb(clips, num_clips)
            print(f"memory grew by at most {growth_mb:.1f} MB over {num_clips:,} clips, after the first 100")
            return
        size_kb = statistics.mean(file.stat().st_size for file in clips[0].iterdir()) / 1000
        print(
            f"16 of {FRAMES_PER_CLIP} JPEGs, {FRAME_SIZE}x{FRAME_SIZE} to {IMAGE_SIZE}x{IMAGE_SIZE}, {size_kb:.1f} kB "
            f"each; {NUM_WORKERS} workers, {os.cpu_count()} processors. Stages are timed in one process.",
            flush=True,
        )
        num_rows = 32 if args.quick else 640
        prepare_shards(datasets.DatasetDict(train=make_rows(clips, len(clips))), f"{folder}/shards")
        shards = load_shards(f"{folder}/shards", cache_dir=f"{folder}/cache")["train"]
        shards = shards.select([number % len(clips) for number in range(num_rows)])
        for training in (True, False):
            compare({"folders": make_rows(clips, num_rows), "shards": shards}, training, 1 if args.quick else 7)


if __name__ == "__main__":
    main()
