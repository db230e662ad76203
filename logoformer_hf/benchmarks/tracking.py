"""
Measures how faces are followed in generated footage: drawn people who cross, turn round, are hidden, leave and come
back, come nearer, and cuts.

    python -m logoformer_hf.benchmarks.tracking
    python -m logoformer_hf.benchmarks.tracking --detector face_detection_yunet.onnx --page docs/footage_accuracy.md

Without a detector, one that knows the truth finds the faces, with noise, misses and false faces, and nothing is drawn;
with one, the frames are drawn and it has to find the faces itself.
"""

import argparse
from collections.abc import Iterable, Sequence

import numpy as np
from datasets.utils import tqdm

from ..data.synthetic.actor import Actor
from ..data.synthetic.footage import DrawnFootage
from ..data.synthetic.scenes import KINDS, draw_cast, draw_scene
from ..faces.detector import FaceDetector, load_detector
from ..faces.follow import FaceFollower
from ..faces.frames import MemoryFrame
from .pages import write_section
from .tracking_scores import MIN_SEEN, FoundFaces, TrackingScore, score_tracks
from .true_detector import SIZE_PX, TrueDetector, sketches

SEQUENCES_PER_KIND = 30
TITLES = {
    "crossing": "two cross, boxes touch for 0.3 to 1 s",
    "long_crossing": "two cross, boxes touch for 1.2 to 2 s",
    "turn_round": "one turns round behind another",
    "group": "three or four walk both ways",
    "dropout": "faces covered for up to 0.9 s",
    "re_entry": "out of the picture for 2 s or more",
    "cut": "one or two cuts",
    "size_change": "nearer, farther, zoom",
}
_HEADER = (
    "| what happens | sequences | faces | switches | IDF1 | missed | extra "
    "| middle, mean | 95 % | sides, mean | 95 % |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
)


def follow(
    footage: DrawnFootage, pictures: Iterable[np.ndarray], detector: FaceDetector, every: int = 1
) -> dict[int, FoundFaces]:
    """
    The faces that are found and followed.

    Args:
        footage: what the pictures show.
        pictures: of each frame, uint8 RGB (height, width, 3).
        detector: finds the faces.
        every: only each k-th frame is asked for, from the first one.

    Returns:
        For each frame that was asked for: number of the track, and x, y, width and height in pixels.
    """
    follower = FaceFollower(detector)
    followed = []
    for index, picture in enumerate(pictures):
        frame = MemoryFrame(index, index / footage.fps, picture)
        followed += follower.push(frame, is_wanted=index % every == 0)
    followed += follower.finish()
    return {
        frame.frame.index: [(face.track_id, face.face.box.astype(float)) for face in frame.faces] for frame in followed
    }


def measure_truth(kind: str, seed: int, cast: Sequence[Actor]) -> TrackingScore:
    """Follows the faces of one sequence that a noisy detector finds, which knows the truth. Every second frame is
    looked at: rating the pictures of the faces takes most of the time."""
    footage = draw_scene(kind, seed, cast, SIZE_PX)
    return score_tracks(footage.truth, follow(footage, sketches(footage), TrueDetector(footage, seed), every=2))


def measure_drawn(kind: str, seed: int, cast: Sequence[Actor], detector: FaceDetector) -> TrackingScore:
    """Follows the faces of one drawn sequence."""
    footage = draw_scene(kind, seed, cast)
    return score_tracks(footage.truth, follow(footage, footage.frames(), detector))


def measure(detector: FaceDetector | None, num_sequences: int, first_seed: int = 0) -> dict[str, TrackingScore]:
    """Follows faces in `num_sequences` sequences of each kind; without a detector, one that knows the truth."""
    cast = draw_cast(first_seed)
    scores = {kind: TrackingScore() for kind in KINDS}
    jobs = [(kind, first_seed + number) for kind in KINDS for number in range(num_sequences)]
    for kind, seed in tqdm(jobs, desc="Following faces", unit="sequence"):
        if detector is None:
            scores[kind] += measure_truth(kind, seed, cast)
        else:
            scores[kind] += measure_drawn(kind, seed, cast, detector)
    return scores


def table(scores: dict[str, TrackingScore]) -> str:
    """The scores as a Markdown table, a row a kind and one for all."""
    total = TrackingScore()
    for score in scores.values():
        total += score
    rows = [_row(TITLES[kind], score) for kind, score in scores.items()]
    return "\n".join([*_HEADER, *rows, _row("**all**", total)])


def _row(title: str, score: TrackingScore) -> str:
    errors: list[float] = []
    for values in (score.middle_errors, score.side_errors):
        errors += [float(np.mean(values)), float(np.quantile(values, 0.95))] if values else [np.nan, np.nan]
    cells = [
        title,
        str(score.sequences),
        str(score.tracks),
        str(score.switches),
        f"{score.idf1:.4f}",
        f"{score.missed / max(score.true_boxes, 1):.1%}",
        f"{score.extra / max(score.found_boxes, 1):.1%}",
        *(f"{error:.3f}" for error in errors),
    ]
    return f"| {' | '.join(cells)} |"


def section(scores: dict[str, TrackingScore], finder: str) -> str:
    """The table with what it means."""
    return (
        f"Faces found by {finder}. Missed and extra are shares of the boxes; errors of the boxes are shares of the "
        f"face's side; faces of which less than {MIN_SEEN:.0%} is seen need not be found.\n\n{table(scores)}"
    )


def main() -> None:
    """Prints the table, and writes it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", help="file of a face detector (YuNet); by default one that knows the truth")
    parser.add_argument("--sequences", type=int, default=SEQUENCES_PER_KIND, help="of each of the eight kinds")
    parser.add_argument("--seed", type=int, default=0, help="of the first sequence of each kind")
    parser.add_argument("--page", help="Markdown page into whose marked section the table is written")
    args = parser.parse_args()
    detector = load_detector(args.detector) if args.detector else None
    scores = measure(detector, args.sequences, args.seed)
    name, finder = (
        ("tracking of drawn frames", "YuNet in drawn frames, 640x360")
        if detector
        else ("tracking with known faces", "a detector that knows them, with noise, 5 % misses and false faces")
    )
    text = section(scores, finder)
    print(text)
    if args.page:
        write_section(args.page, name, text)


if __name__ == "__main__":
    main()
