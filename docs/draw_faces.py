"""Draws the pictures of synthetic faces in the README. `python docs/draw_faces.py docs`"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.data.synthetic.plan import CLIPS_PER_PERSON, FPS, ClipPlan, plan_clip
from logoformer_hf.data.synthetic.writer import draw_frames
from logoformer_hf.evaluation.palette import INK, PAPER
from logoformer_hf.evaluation.palette import MUTED_ON_PAPER as MUTED

GAP = 6  # pixels around every face
LABEL_HEIGHT = 26
SHEET_FACE, SIDE_WIDTH = 128, 104
CLIP_FACE = 144
# Difficulty -> two people of the train split in the sheet.
SHEET_PEOPLE = {0.0: (3, 8), 0.5: (7, 5), 1.0: (0, 11)}


@dataclass(frozen=True)
class Shown:
    """
    A clip of the train split in an animation.

    Attributes:
        index: number of the clip.
        expression: its label.
        difficulty: difficulty of the movements, 0 to 1.
        view_difficulty: difficulty of the view, 0 to 1.
        says: text below the clip; by default the expression.
        space: additional pixels to the clip on its left.
    """

    index: int
    expression: str
    difficulty: float
    view_difficulty: float
    says: str = ""
    space: int = 0

    def plan(self) -> ClipPlan:
        """The plan that the clip is drawn by."""
        return plan_clip(
            "train", self.index, 0, self.difficulty, EXPRESSIONS.index(self.expression), self.view_difficulty
        )


@dataclass(frozen=True)
class Animation:
    """Clips side by side; every `step`-th of 25 frames per second is shown."""

    clips: tuple[Shown, ...]
    step: int = 2
    quality: int = 50


def _seven(difficulty: float, indices: Sequence[int]) -> tuple[Shown, ...]:
    shown = zip(indices, EXPRESSIONS, strict=True)
    return tuple(Shown(index, name, difficulty, difficulty) for index, name in shown)


# Clips of about two seconds each.
ANIMATIONS = {
    "faces_plain.webp": Animation(_seven(0.0, (42, 64, 30, 59, 74, 40, 27))),
    "faces_wild.webp": Animation(_seven(1.0, (42, 64, 2, 59, 74, 26, 83))),
    "faces_look_alikes.webp": Animation(
        (
            Shown(95, "surprise", 1.0, 0.12),
            Shown(95, "fear", 1.0, 0.12),
            Shown(707, "happy", 1.0, 0.12, space=24),
            Shown(708, "neutral", 1.0, 0.12, says="neutral, talking"),
            Shown(551, "disgust", 1.0, 0.12, space=24),
            Shown(552, "neutral", 1.0, 0.12, says="neutral, talking"),
        )
    ),
}


def write_pictures(folder: str | Path) -> list[Path]:
    """
    Draws `faces.jpg` and the animations. The same versions of the libraries always write the same bytes.

    Args:
        folder: folder to write to.

    Returns:
        The written files.
    """
    sheet = Path(folder) / "faces.jpg"
    draw_sheet().save(sheet, quality=85, optimize=True)
    return [sheet, *(write_animation(Path(folder) / name, animation) for name, animation in ANIMATIONS.items())]


def draw_sheet(face: int = SHEET_FACE) -> Image.Image:
    """Seven expressions of two people at each difficulty, the middle frame of each clip."""
    cell = face + GAP
    people = [(difficulty, person) for difficulty, two in SHEET_PEOPLE.items() for person in two]
    size = (SIDE_WIDTH + 7 * cell + GAP, LABEL_HEIGHT + len(people) * cell + GAP)
    sheet = Image.new("RGB", size, PAPER)
    for column, name in enumerate(EXPRESSIONS):
        _write(sheet, (SIDE_WIDTH + column * cell + face // 2, LABEL_HEIGHT // 2), name, 14)
    for row, (difficulty, person) in enumerate(people):
        top = LABEL_HEIGHT + row * cell
        if row % 2 == 0:
            _write(sheet, (SIDE_WIDTH // 2, top + face - 6), "difficulty", 12, MUTED)
            _write(sheet, (SIDE_WIDTH // 2, top + face + 12), f"{difficulty:g}", 18)
        for column in range(len(EXPRESSIONS)):
            plan = plan_clip("train", CLIPS_PER_PERSON * person + column, 0, difficulty)
            apex = _draw(plan, face, len(plan.poses) // 2 + 1)[-1]
            sheet.paste(Image.fromarray(apex), (SIDE_WIDTH + column * cell, top))
    return sheet


def write_animation(path: Path, animation: Animation, face: int = CLIP_FACE) -> Path:
    """Writes clips side by side as a looping animated WebP. A shorter clip shows its last frame to the end."""
    pictures = draw_animation(animation, face)
    milliseconds = 1000 * animation.step // FPS
    pictures[0].save(
        path,
        save_all=True,
        append_images=pictures[1:],
        duration=milliseconds,
        loop=0,
        quality=animation.quality,
        method=4,
        kmin=0,
        kmax=1,  # every frame is a key frame; otherwise changed blocks would be visible
    )
    return path


def draw_animation(animation: Animation, face: int = CLIP_FACE) -> list[Image.Image]:
    """The pictures of an animation, with faces of `face` pixels."""
    clips = [_draw(shown.plan(), face)[:: animation.step] for shown in animation.clips]
    lefts = np.cumsum([GAP + shown.space for shown in animation.clips]) + face * np.arange(len(clips))
    blank = Image.new("RGB", (int(lefts[-1]) + face + GAP, face + 2 * GAP + LABEL_HEIGHT), PAPER)
    for left, shown in zip(lefts, animation.clips, strict=True):
        middle = (int(left) + face // 2, face + GAP + LABEL_HEIGHT // 2 + GAP // 2)
        _write(blank, middle, shown.says or shown.expression, 15)
    pictures = []
    for moment in range(max(map(len, clips))):
        picture = blank.copy()
        for left, frames in zip(lefts, clips, strict=True):
            picture.paste(Image.fromarray(frames[min(moment, len(frames) - 1)]), (int(left), GAP))
        pictures.append(picture)
    return pictures


def _draw(plan: ClipPlan, size: int, num_frames: int | None = None) -> np.ndarray:
    """The first `num_frames` frames of a clip, or all, `(frames, size, size, 3)` uint8."""
    units, poses, lights = (course[:num_frames] for course in (plan.action_units, plan.poses, plan.lights))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # faster for small pictures
    try:
        return draw_frames(plan.identity, units, poses, lights, size, plan.camera, plan.occluders, plan.noise_seed)
    finally:
        cv2.setNumThreads(threads)


def _write(picture: Image.Image, middle: tuple[int, int], text: str, size: int, colour: str = INK) -> None:
    """Writes text centred at `middle`, in a font from matplotlib, which is the same on every machine."""
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
    ImageDraw.Draw(picture).text(middle, text, fill=colour, font=font, anchor="mm")


def main() -> None:
    """Writes the pictures and prints their sizes."""
    parser = argparse.ArgumentParser(description=__doc__.split("`")[0].strip())
    parser.add_argument("folder", help="folder to write the pictures to, e.g. docs")
    for path in write_pictures(parser.parse_args().folder):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
