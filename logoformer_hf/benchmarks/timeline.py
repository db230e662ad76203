"""
Measures what a timeline knows: drawn people in footage, who show expressions at known times, read by a model that was
trained on drawn faces.

    accelerate launch train_hf.py --output_dir outputs/demo
    python -m logoformer_hf.benchmarks.timeline --model outputs/demo --detector face_detection_yunet.onnx

With `--page docs/footage_accuracy.md` the result is also written into the page.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets.utils import tqdm

from ..configuration_logoformer import EXPRESSIONS
from ..data.synthetic.episodes import draw_episodes
from ..timeline.recognizer import ExpressionRecognizer
from .pages import write_section
from .timeline_scores import NEAR_SEC, TimelineScore, recalls, score_timeline

NUM_VIDEOS = 12
DURATION_SEC = 40.0
SECTION = "timeline"


def num_people(seed: int) -> int:
    """People in the video: two in every third one, else one."""
    return 2 if seed % 3 == 2 else 1


def measure(
    recognizer: ExpressionRecognizer, seeds: Sequence[int], duration_sec: float, folder: Path
) -> TimelineScore:
    """
    Reads a video for each seed.

    Args:
        recognizer: with a model of the seven expressions.
        seeds: of the videos.
        duration_sec: length of each.
        folder: where the videos are written; those that are there already are used.

    Raises:
        ValueError: a model with other classes.
    """
    if set(recognizer.label_names) != set(EXPRESSIONS):
        raise ValueError(f"the model's classes are {recognizer.label_names}, but the footage shows {EXPRESSIONS}")
    total = TimelineScore()
    for seed in tqdm(seeds, desc="Reading footage", unit="video"):
        footage, episodes = draw_episodes(seed, duration_sec, num_people(seed))
        path = folder / f"{seed}_{duration_sec:g}s.mp4"
        if not path.exists():
            partial = path.with_suffix(".partial.mp4")
            footage.write(partial)
            partial.rename(path)
        timeline = recognizer.read(path)
        total += score_timeline(footage.truth, episodes, timeline.windows, timeline.segments)
    return total


def report(score: TimelineScore) -> str:
    """The result as Markdown."""
    found = score.episodes - score.missed
    lines = [
        f"Frame by frame, UAR {np.nanmean(recalls(score.confusion)):.1%} by the segments and "
        f"{np.nanmean(recalls(score.window_confusion)):.1%} by the windows alone (chance is 14.3 %), over "
        f"{score.confusion.sum():,} frames of faces. Of {score.episodes} episodes, {found} were found with their "
        f"expression, {score.missed} were missed, and {score.extra} segments are no episode. Of the frames with an "
        f"expression, {_share(score.changing)} are right within {NEAR_SEC:g} s of its onset or offset, and "
        f"{_share(score.held)} where it is held for longer, so that a window shows nothing else.",
        "",
        "| | median error | 90 % are within | mean error, early is negative |",
        "| --- | ---: | ---: | ---: |",
        _errors_row("onset", score.onset_errors_sec),
        _errors_row("offset", score.offset_errors_sec),
        "",
        f"| frames of | {' | '.join(EXPRESSIONS)} | unsure or none | recall |",
        f"| --- |{' ---: |' * (len(EXPRESSIONS) + 2)}",
    ]
    for name, row, recall in zip(EXPRESSIONS, score.confusion, recalls(score.confusion), strict=True):
        lines.append(f"| {name} | {' | '.join(str(count) for count in row)} | {recall:.1%} |")
    return "\n".join(lines)


def _share(right_and_all: np.ndarray) -> str:
    right, count = right_and_all
    return f"{right / count:.1%}" if count else "none"


def _errors_row(name: str, errors_sec: Sequence[float]) -> str:
    if not errors_sec:
        return f"| {name} | - | - | - |"
    sizes = np.abs(errors_sec)
    middle, most = np.median(sizes), np.quantile(sizes, 0.9)
    return f"| {name} | {middle:.2f} s | {most:.2f} s | {np.mean(errors_sec):+.2f} s |"


def main() -> None:
    """Prints the result, and writes it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of a model that was trained on drawn faces")
    parser.add_argument("--detector", default="default", help="file of a face detector; by default YuNet from the Hub")
    parser.add_argument("--videos", type=int, default=NUM_VIDEOS, help="number of videos")
    parser.add_argument("--seconds", type=float, default=DURATION_SEC, help="length of each")
    parser.add_argument("--seed", type=int, default=0, help="of the first video")
    parser.add_argument("--folder", type=Path, help="where the videos are kept; those that are there are used again")
    parser.add_argument("--page", help="Markdown page into whose marked section the result is written")
    args = parser.parse_args()
    recognizer = ExpressionRecognizer(args.model, detector=args.detector)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        score = measure(recognizer, range(args.seed, args.seed + args.videos), args.seconds, folder)
    text = report(score)
    print(text)
    if args.page:
        write_section(args.page, SECTION, text)


if __name__ == "__main__":
    main()
