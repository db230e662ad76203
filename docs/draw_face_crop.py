"""Draws the picture of the crop's geometry. `python docs/draw_face_crop.py docs`"""

import argparse
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from logoformer_hf.data.synthetic.plan import plan_clip
from logoformer_hf.data.synthetic.writer import draw_frames
from logoformer_hf.evaluation.palette import INK, PAPER
from logoformer_hf.evaluation.palette import MUTED_ON_PAPER as MUTED
from logoformer_hf.faces.geometry import CROP_LANDMARKS, CROP_SIDE_PX, crop_corners, crop_face, crop_matrix

FRAME_SIZE = (640, 360)
FACE_PX, TURN_DEG = 210, 14
FACE_MIDDLE = (250, 190)
GAP, LABEL_HEIGHT = 24, 30
SHOWN_CROP_PX = 360
CLIP_INDEX = 30
# What the detector YuNet finds in this frame, in pixels; the picture is drawn without it.
BOX = (184.2, 129.1, 121.0, 139.5)
LANDMARKS = np.array([(213.7, 184.4), (268.8, 176.8), (245.2, 211.4), (226.6, 234.9), (274.1, 228.1)])
BOX_COLOUR, LANDMARK_COLOUR, CROP_COLOUR = "#2f6fb0", "#c0392b", "#1e8449"


def write_picture(folder: str | Path) -> Path:
    """Draws `face_crop.png` into a folder. The same versions of the libraries always write the same bytes."""
    path = Path(folder) / "face_crop.png"
    draw_picture().save(path, optimize=True)
    return path


def draw_picture() -> Image.Image:
    """A frame with the face's box, its landmarks and the outline of the crop; beside it the crop, enlarged."""
    frame = draw_frame()
    crop = crop_face(frame, LANDMARKS, CROP_SIDE_PX)
    width, height = FRAME_SIZE
    picture = Image.new("RGB", (width + SHOWN_CROP_PX + 3 * GAP, height + GAP + LABEL_HEIGHT), PAPER)
    picture.paste(_marked_frame(frame), (GAP, GAP))
    picture.paste(_marked_crop(crop), (width + 2 * GAP, GAP))
    below = GAP + height + LABEL_HEIGHT // 2
    _write(picture, (GAP + width // 2, below), "frame: box, five landmarks, outline of the crop")
    says = f"crop of {CROP_SIDE_PX} x {CROP_SIDE_PX}; rings: canonical places"
    _write(picture, (width + 2 * GAP + SHOWN_CROP_PX // 2, below), says)
    return picture


def draw_frame() -> np.ndarray:
    """A drawn face, tilted, in a frame: `(height, width, 3)` uint8 RGB."""
    plan = plan_clip("train", CLIP_INDEX, 0, 0.0)
    count = len(plan.poses) // 2
    courses = (plan.action_units[:count], plan.poses[:count], plan.lights[:count])
    face = draw_frames(plan.identity, *courses, 2 * FACE_PX, plan.camera)[-1]
    width, height = FRAME_SIZE
    matrix = cv2.getRotationMatrix2D((FACE_PX, FACE_PX), TURN_DEG, 0.5)
    matrix[:, 2] += np.array(FACE_MIDDLE) - FACE_PX
    # The face's own background goes on to the borders of the frame.
    return cv2.warpAffine(face, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


def _marked_frame(frame: np.ndarray) -> Image.Image:
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    corners = [tuple(corner) for corner in crop_corners(LANDMARKS)]
    draw.line([*corners, corners[0]], fill=CROP_COLOUR, width=3)
    x, y, width, height = BOX
    draw.rectangle((x, y, x + width, y + height), outline=BOX_COLOUR, width=3)
    _mark(draw, LANDMARKS)
    return picture


def _marked_crop(crop: np.ndarray) -> Image.Image:
    side = SHOWN_CROP_PX
    picture = Image.fromarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC))
    draw = ImageDraw.Draw(picture)
    matrix = crop_matrix(LANDMARKS, side)
    _mark(draw, LANDMARKS @ matrix[:, :2].T + matrix[:, 2])
    font = _font(13)
    for (x, y), (crop_x, crop_y) in zip(CROP_LANDMARKS * side, CROP_LANDMARKS * CROP_SIDE_PX, strict=True):
        draw.ellipse((x - 9, y - 9, x + 9, y + 9), outline=INK, width=2)
        text = f"{crop_x:.1f}, {crop_y:.1f}"
        draw.text((x, y + 13), text, fill=INK, font=font, anchor="mt", stroke_width=3, stroke_fill=PAPER)
    draw.rectangle((0, 0, side - 1, side - 1), outline=CROP_COLOUR, width=3)
    return picture


def _mark(draw: ImageDraw.ImageDraw, points: np.ndarray) -> None:
    for x, y in points:
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=LANDMARK_COLOUR, outline=PAPER, width=1)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """A font from matplotlib, which is the same on every machine."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _write(picture: Image.Image, middle: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(picture).text(middle, text, fill=MUTED, font=_font(14), anchor="mm")


def main() -> None:
    """Writes the picture and prints its size."""
    parser = argparse.ArgumentParser(description=__doc__.split("`")[0].strip())
    parser.add_argument("folder", help="folder to write the picture to, e.g. docs")
    path = write_picture(parser.parse_args().folder)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
