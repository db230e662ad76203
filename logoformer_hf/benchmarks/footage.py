"""
Measures the speed of reading expressions in footage, and where the time goes.

    python -m logoformer_hf.benchmarks.footage --video face.mp4 --detector face_detection_yunet.onnx --model small
    python -m logoformer_hf.benchmarks.footage --video face.mp4 --detector face_detection_yunet.onnx --lengths

The video is repeated to a minute without new encoding. The first table has the time of each stage on one thread; the
speed from end to end is that of `ExpressionRecognizer.stream`, which decodes and detects beside recognition. Rounds
with and without token reuse alternate, and medians are compared. Weights may be random: they do not change the speed.

With `--lengths`, a file of two hours, 320x180 at 10 frames a second, is compared with one of two minutes: largest
memory of a process that reads it, and frames per second in the first and in the second half: of the clock, and of the
time that the process had a processor, which other programs change little.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
import torch

from ..faces import follow
from ..faces.footage import Footage
from ..faces.frames import FootageFrame
from ..faces.tracker import FaceTracker
from ..models.loading import SIZES, new_model
from ..timeline.pairs import PairReader
from ..timeline.recognizer import ExpressionRecognizer
from ..timeline.tokens import FrameModel
from ..video_container_logoformer import FrameConverter

LONG_SIZE, LONG_FPS = (320, 180), 10
LENGTHS_SEC = (120, 7200)
STAGES = ("decode", "convert colours", "detect", "track", "align", "encode", "transformer", "everything else")


def loop_video(source: Path, target: Path, seconds: float) -> Path:
    """Repeats a video until it is at least this long, by copying its packets; the last repetition is complete."""
    with av.open(str(target), "w") as output:
        copied: Any = None
        offset = 0
        while copied is None or offset * copied.time_base < seconds:
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                if copied is None:
                    copied = output.add_stream_from_template(stream)
                    copied.time_base = stream.time_base
                packets = [packet for packet in container.demux(stream) if packet.size]
                step = round(1 / (stream.average_rate * stream.time_base))
                end = offset + max(packet.pts for packet in packets) + step
                for packet in packets:
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = copied
                    output.mux(packet)
                offset = end
    return target


def shrink_video(source: Path, target: Path, seconds: float = 60.0) -> Path:
    """Encodes the first seconds of a video as 320x180 at 10 frames a second; it is repeated until it is this long."""
    with tempfile.TemporaryDirectory() as folder, av.open(str(target), "w") as output:
        looped = loop_video(source, Path(folder) / f"looped{source.suffix}", seconds)
        stream = output.add_stream("libx264", rate=LONG_FPS, options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *LONG_SIZE, "yuv420p"
        number = 0
        with Footage(looped) as footage:
            for frame in footage:
                if frame.time_sec * LONG_FPS < number:
                    continue
                picture = av.VideoFrame.from_ndarray(frame.pixels, format="rgb24").reformat(*LONG_SIZE, "yuv420p")
                picture.pts, picture.time_base = number, Fraction(1, LONG_FPS)
                output.mux(stream.encode(picture))
                number += 1
        output.mux(stream.encode())
    return target


class Stopwatch:
    """Seconds that each stage takes; a stage inside another one does not count for the outer one."""

    def __init__(self, device: str):
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since_sec = 0.0
        self._is_cuda = device.startswith("cuda")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts the time inside for a stage."""
        self._count()
        self._running.append(name)
        try:
            yield
        finally:
            if self._is_cuda:
                torch.cuda.synchronize()
            self._count()
            self._running.pop()

    def _count(self) -> None:
        now_sec = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now_sec - self._since_sec
        self._since_sec = now_sec

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted."""

        def call(*arguments: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **named)

        return call


def stage_seconds(recognizer: ExpressionRecognizer, video: Path, device: str) -> dict[str, float]:
    """Seconds of each stage when a video is read on one thread."""
    watch = Stopwatch(device)
    places = [
        (FrameConverter, "full", "convert colours"),
        (FootageFrame, "reduced", "convert colours"),
        (FaceTracker, "update", "track"),
        (follow, "crop_face", "align"),
        (recognizer.model, "encode", "encode"),
        (recognizer.model, "logits", "transformer"),
    ]
    if recognizer.detector is not None:
        places.append((recognizer.detector, "detect", "detect"))
    with ExitStack() as stack:
        for owner, name, stage in places:
            stack.enter_context(patch.object(owner, name, watch.timed(stage, getattr(owner, name))))
        footage = stack.enter_context(Footage(video))
        session = recognizer.open(max_delay_sec=recognizer.max_delay_sec)
        reader: PairReader = session.reader
        with watch.stage("everything else"):
            frames = iter(footage)
            while (frame := watch.timed("decode", next)(frames, None)) is not None:
                session.take(reader.push(frame))
            session.finish(reader.finish())
    return {stage: watch.seconds[stage] for stage in STAGES}


def stream_speed(recognizer: ExpressionRecognizer, video: Path) -> tuple[float, float, int]:
    """Frames per second, seconds of footage per second, and number of windows, from end to end."""
    start_sec = time.perf_counter()
    timeline = recognizer.read(video)
    taken_sec = time.perf_counter() - start_sec
    frames = timeline.duration_sec * (timeline.fps or 0.0)
    return frames / taken_sec, timeline.duration_sec / taken_sec, len(timeline.windows)


def reuse_times(reusing: FrameModel, whole: FrameModel, batch_size: int, num_rounds: int) -> dict[str, list[float]]:
    """
    Milliseconds a window, one number a round: with token reuse (frame encoder and rest), and without. A round is one
    batch of crops and the windows that come with it, first one way and then the other.
    """
    crops = list(
        np.random.default_rng(0).integers(0, 256, (batch_size, reusing.side_px, reusing.side_px, 3), dtype=np.uint8)
    )
    num_windows = max(1, batch_size // 2)
    chosen = [[(first + frame) % batch_size for frame in range(reusing.num_frames)] for first in range(num_windows)]
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(num_rounds + 1):
        moments = [time.perf_counter()]
        tokens = reusing.encode(crops)
        if reusing.device.type == "cuda":
            torch.cuda.synchronize()
        moments.append(time.perf_counter())
        reusing.logits([[tokens[index] for index in each] for each in chosen])
        moments.append(time.perf_counter())
        pixels = whole.encode(crops)
        whole.logits([[pixels[index] for index in each] for each in chosen])
        moments.append(time.perf_counter())
        if number:  # the first round is slower
            for name, taken_sec in zip(("encode", "transformer", "whole"), np.diff(moments), strict=True):
                times[name].append(1000 * float(taken_sec) / num_windows)
    return times


def print_reuse(times: dict[str, list[float]], frames_per_window: int) -> None:
    """Prints how much faster recognition is with token reuse, and how much could be."""
    encode, transformer, whole = (statistics.median(times[name]) for name in ("encode", "transformer", "whole"))
    ratio = statistics.median(
        all_of_it / (first + rest)
        for first, rest, all_of_it in zip(times["encode"], times["transformer"], times["whole"], strict=True)
    )
    # With reuse, a window brings two new frames; the encoder of all its frames takes so many times as long.
    encoder = encode * frames_per_window / 2
    bound = (encoder + transformer) / (encode + transformer)
    print(f"a window with token reuse     {encode + transformer:8.1f} ms ({encode:.1f} + {transformer:.1f})")
    print(f"a window without              {whole:8.1f} ms")
    print(
        f"faster by                     {ratio:8.2f}, of {bound:.2f} by (encoder + transformer) / (encoder / 8 + ...)"
    )


def make_recognizer(args: argparse.Namespace, reuse_tokens: bool = True) -> ExpressionRecognizer:
    """A recogniser with a saved model, or with random weights."""
    common: dict[str, Any] = {"device": args.device, "reuse_tokens": reuse_tokens, "compile": args.compile}
    detection: dict[str, Any] = {"detector": args.detector, "detect_every": args.detect_every}
    if args.model in SIZES:
        torch.manual_seed(0)
        model, processor, _ = new_model(args.model, [f"class {number}" for number in range(7)])
        return ExpressionRecognizer(model, processor, **common, **detection)
    return ExpressionRecognizer(args.model, **common, **detection)


def measure_speed(args: argparse.Namespace) -> None:
    """Prints stages, speed from end to end, and what token reuse gains."""
    recognizer = make_recognizer(args)
    with tempfile.TemporaryDirectory() as folder:
        video = loop_video(args.video, Path(folder) / f"looped{args.video.suffix}", args.seconds)
        stream_speed(recognizer, video)  # warms up
        seconds = stage_seconds(recognizer, video, args.device)
        speeds = [stream_speed(recognizer, video) for _ in range(args.rounds)]
        with Footage(video) as footage:
            info = footage.info
    print(
        f"{args.model} on {args.device}, {torch.get_num_threads()} threads, {info.width_px}x{info.height_px}, "
        f"{info.fps or 0:g} frames a second, {args.seconds:g} s, {speeds[0][2]} windows, batches of "
        f"{recognizer.batch_size}"
    )
    total = sum(seconds.values())
    for stage, taken_sec in seconds.items():
        print(f"  {stage:<28}{taken_sec:8.2f} s {taken_sec / total:7.1%}")
    print(f"from end to end               {statistics.median(speed[0] for speed in speeds):8.1f} frames a second")
    print(f"                              {statistics.median(speed[1] for speed in speeds):8.2f} times real time")
    if recognizer.model.reuses_tokens:
        whole = make_recognizer(args, reuse_tokens=False)
        times = reuse_times(recognizer.model, whole.model, recognizer.batch_size, args.reuse_rounds)
        print_reuse(times, recognizer.model.num_frames)


def read_once(args: argparse.Namespace) -> None:
    """Reads a video, and prints memory and speed as JSON; run in a process of its own."""
    recognizer = make_recognizer(args)
    marks = [(0.0, time.perf_counter(), time.process_time())]
    marks += [(window.end_sec, time.perf_counter(), time.process_time()) for window in recognizer.stream(args.video)]
    middle = min(marks, key=lambda mark: abs(mark[0] - marks[-1][0] / 2))
    # (2, 3): seconds of footage, of the clock and of processors in each half
    halves = np.diff(np.array([marks[0], middle, marks[-1]]), axis=0)
    print(
        json.dumps(
            {
                # Kilobytes on Linux.
                "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "times_real_time": (halves[:, 0] / halves[:, 1]).tolist(),
                "per_processor_sec": (halves[:, 0] / halves[:, 2]).tolist(),
                "windows": len(marks) - 1,
            }
        )
    )


def read_in_process(video: Path, detector: str, model: str = "tiny", device: str = "cpu") -> dict[str, Any]:
    """
    `read_once` in a new process: largest memory in MB; seconds of footage in one of the clock and in one of a
    processor, in both halves; number of windows.
    """
    command = [sys.executable, "-m", __spec__.name if __spec__ else "logoformer_hf.benchmarks.footage", "--once"]
    command += ["--video", str(video), "--detector", detector, "--model", model, "--device", device]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


def measure_lengths(args: argparse.Namespace) -> None:
    """Prints memory and speed for two minutes and for two hours."""
    with tempfile.TemporaryDirectory() as folder:
        minute = shrink_video(args.video, Path(folder) / "minute.mp4")
        for seconds in args.lengths_sec:
            video = loop_video(minute, Path(folder) / f"{seconds}.mp4", seconds)
            result = read_in_process(video, args.detector, "tiny", args.device)
            first, second = (LONG_FPS * speed for speed in result["times_real_time"])
            per_first, per_second = (LONG_FPS * speed for speed in result["per_processor_sec"])
            print(
                f"{seconds:>6} s  {result['windows']:>7} windows  {result['memory_mb']:8.1f} MB  "
                f"first half {first:.1f} frames a second, second half {second:.1f}; in a second of one processor "
                f"{per_first:.1f} and {per_second:.1f}",
                flush=True,
            )


def main() -> None:
    """Prints the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, required=True, help="a video with faces")
    parser.add_argument("--detector", default="default", help="ONNX file, 'default' or 'none'")
    parser.add_argument("--model", default="small", help=f"{', '.join(SIZES)} (random weights), or a saved model")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seconds", type=float, default=60.0, help="length that the video is repeated to")
    parser.add_argument("--detect_every", type=int, default=3, help="faces are detected on every k-th frame")
    parser.add_argument("--rounds", type=int, default=3, help="rounds from end to end")
    parser.add_argument("--reuse_rounds", type=int, default=15, help="rounds with and without token reuse")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--lengths", action="store_true", help="measures a long file instead")
    parser.add_argument("--lengths_sec", type=int, nargs="+", default=LENGTHS_SEC, help="lengths for --lengths")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.once:
        read_once(args)
    elif args.lengths:
        measure_lengths(args)
    else:
        measure_speed(args)


if __name__ == "__main__":
    main()
