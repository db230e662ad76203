"""
Draws the pictures of a timeline in the documentation, of drawn people in footage with a background.

    python docs/draw_timeline.py docs --model outputs/faces --detector face_detection_yunet.onnx
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from logoformer_hf.data.synthetic.episodes import draw_episodes
from logoformer_hf.faces.footage import Footage
from logoformer_hf.timeline.overlay import write_overlay
from logoformer_hf.timeline.plot import plot_timeline
from logoformer_hf.timeline.recognizer import ExpressionRecognizer
from logoformer_hf.timeline.thumbnails import Thumbnails

SEED, NUM_PEOPLE = 5, 2
DURATION_SEC = 40.0
SHOWN_SEC = 35.0  # moment of the overlay's picture


def write_pictures(
    folder: str | Path,
    model: str | Path,
    detector: str | Path = "default",
    duration_sec: float = DURATION_SEC,
    shown_sec: float = SHOWN_SEC,
) -> list[Path]:
    """
    Draws footage, reads it with a model, and writes `timeline.png` and `overlay.png`, a frame of the overlay video.

    Args:
        folder: folder to write to.
        model: folder or name of a model that was trained on drawn faces.
        detector: what finds the faces, as for `ExpressionRecognizer`.
        duration_sec: length of the footage.
        shown_sec: time of the frame of the overlay.

    Returns:
        The written files.
    """
    footage, _ = draw_episodes(SEED, duration_sec, NUM_PEOPLE)
    timeline_file, overlay_file = Path(folder) / "timeline.png", Path(folder) / "overlay.png"
    with tempfile.TemporaryDirectory() as temporary:
        video, overlay = Path(temporary) / "drawn_people.mp4", Path(temporary) / "overlay.mp4"
        footage.write(video)
        timeline = ExpressionRecognizer(model, detector=detector, device="cpu").read(video)
        plot_timeline(timeline, timeline_file, Thumbnails.from_footage(video, timeline))
        write_overlay(video, timeline, overlay)
        with Footage(overlay) as frames:
            shown = next(frame for frame in frames if frame.time_sec >= shown_sec)
            Image.fromarray(shown.pixels).save(overlay_file, optimize=True)
    return [timeline_file, overlay_file]


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the pictures and prints their sizes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().splitlines()[0])
    parser.add_argument("folder", help="folder to write the pictures to, e.g. docs")
    parser.add_argument("--model", required=True, help="folder or name of a model that was trained on drawn faces")
    parser.add_argument("--detector", default="default", help="ONNX file of the face detector")
    given = parser.parse_args(arguments)
    for path in write_pictures(given.folder, given.model, given.detector):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
