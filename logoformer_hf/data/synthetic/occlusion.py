"""Occlusion of a face: hands, hair, captions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .person import Colour, Identity
from .sketch import Sketch, bend, disc, mix, times

KINDS = ("hand", "hair", "caption")
_HIGHEST_CHANCE = 0.35  # of any occluder, at difficulty 1
_PLACES = {"mouth": (0.12, 0.98, -0.55), "cheek": (0.86, 0.62, -0.2), "eye": (0.56, 0.2, -0.12)}  # x, y, angle
_TEXTS = (
    "I didn't know that.", "Wait for me!", "Where were you?", "It's late.", "We should go now.", "Who told you?",
    "Come in.", "Look at this.", "That was yesterday.", "Tell me again.", "Not here.", "We have time.",
)  # fmt: skip
_LOGOS = ("LIVE", "TV 9", "Ch 4", "HD", "24h", "film")
_FINGERS = ((-0.225, 0.5, 0.125), (-0.078, 0.6, 0.135), (0.075, 0.57, 0.132), (0.215, 0.44, 0.115))  # x, length, width


@dataclass(frozen=True)
class Occluder:
    """Something that hides part of a face.

    Attributes:
        kind: one of `KINDS`.
        side: -1 for the picture's left, 1 for its right; of a caption 0 for a subtitle, else the corner of a logo.
        x: of a hand, its position in front of the face, in face units to the right.
        y: the same, down.
        angle: of a hand, in radians, clockwise from upright.
        size: relative to the usual one.
        colour: RGB from 0 to 255.
        sleeve: RGB of the arm.
        start_frame: frame in which a hand begins to move in; negative if it is there from the first frame on.
        stop_frame: frame in which it begins to move out.
        move_frames: number of frames for moving in, and for moving out.
        sway: amplitude of its movement around its position, in face units.
        text: of a caption.
        band: whether the caption has a dark band behind it.
    """

    kind: str
    side: int = 1
    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    size: float = 1.0
    colour: Colour = (255.0, 255.0, 255.0)
    sleeve: Colour = (80.0, 80.0, 90.0)
    start_frame: float = -100.0
    stop_frame: float = 1e6
    move_frames: float = 8.0
    sway: float = 0.0
    text: str = ""
    band: bool = False


def draw_occluders(rng: np.random.Generator, difficulty: float, num_frames: int, identity: Identity) -> list[Occluder]:
    """Draws the occluders of a clip: usually none; at difficulty 1 one in about a third of the clips."""
    if rng.random() >= _HIGHEST_CHANCE * difficulty:
        return []
    kind = str(rng.choice(KINDS, p=(0.4, 0.25, 0.35)))
    if kind == "hair" and identity.hair_style in ("bald", "receding", "headscarf", "cap"):
        kind = "hand"
    side = int(rng.choice((-1, 1)))
    if kind == "caption":
        corner = rng.random() < 0.35
        return [
            Occluder(
                kind,
                side=side if corner else 0,
                size=rng.uniform(0.8, 1.2),
                colour=(245.0, 240.0, 120.0) if rng.random() < 0.3 else (250.0, 250.0, 250.0),
                text=str(rng.choice(_LOGOS if corner else _TEXTS)),
                band=bool(rng.random() < 0.4),
            )
        ]
    if kind == "hair":
        size, sway = rng.uniform(0.8, 1.2), rng.uniform(0.02, 0.08)
        return [Occluder(kind, side=side, size=size, colour=identity.hair, sway=sway)]
    x, y, angle = _PLACES[str(rng.choice(list(_PLACES)))]
    comes, goes = rng.random(2) < 0.5
    return [
        Occluder(
            kind,
            side=side,
            x=side * (x + rng.normal(0, 0.06)),
            y=y + rng.normal(0, 0.06),
            angle=side * (angle + rng.normal(0, 0.12)),
            size=rng.uniform(0.95, 1.15),
            colour=identity.skin,
            sleeve=identity.clothes,
            start_frame=num_frames * rng.uniform(0.05, 0.4) if comes else -100.0,
            stop_frame=num_frames * rng.uniform(0.55, 0.85) if goes else 1e6,
            move_frames=rng.uniform(5, 10),
            sway=rng.uniform(0.0, 0.03),
        )
    ]


def cover(occluders: Sequence[Occluder], poses: np.ndarray, size: int) -> Callable[[np.ndarray, int], None] | None:
    """A function (picture, frame number) that paints hands and hair over a picture in place; None without any.

    The picture has `size` pixels per side. `poses` are the fields of `Pose`, shape (frames, 8).
    """
    sketches = []
    for occluder in occluders:
        if occluder.kind == "caption":
            continue
        sketch = Sketch(occluder.colour, len(poses))
        if occluder.kind == "hair":
            _add_strands(sketch, occluder)
            sketch.project(poses, size)
        else:
            _add_hand(sketch, occluder)
            upright = poses.copy()  # a hand moves with the head, but does not turn with it
            upright[:, :3] = 0
            sketch.project(upright, size)
        sketches.append(sketch)
    if not sketches:
        return None

    def paint(image: np.ndarray, frame: int) -> None:
        for sketch in sketches:
            sketch.paint(image, frame)

    return paint


def _add_strands(sketch: Sketch, hair: Occluder) -> None:
    frame = np.arange(sketch.num_frames)[:, None]
    swing = hair.sway * np.sin(frame * 0.23)
    for number, (root, reach, width) in enumerate(
        ((0.02, 0.4, 0.15), (0.1, 0.5, 0.2), (0.2, 0.57, 0.17), (0.24, 0.46, 0.09), (0.08, 0.62, 0.07))
    ):
        move = swing * (1 + 0.15 * number) + 0.3 * hair.sway * np.sin(frame * 0.31 + number)
        end = (hair.side * (reach + 0.1) + move, 0.1 + 0.3 * hair.size - 0.07 * number)
        handle = (hair.side * (reach - 0.1) + 0.5 * move, -0.75)
        tone = times(hair.colour, 0.86 + 0.08 * number)
        sketch.stroke(bend((hair.side * root, -1.2), handle, end), width * hair.size, tone, 0.12)


def _add_hand(sketch: Sketch, hand: Occluder) -> None:
    frame = np.arange(sketch.num_frames)
    there = np.minimum(frame - hand.start_frame, hand.stop_frame + hand.move_frames - frame) / hand.move_frames
    there = np.clip(there, 0, 1)
    away = 1 - there * there * (3 - 2 * there)
    x = hand.x + hand.side * 0.9 * away + hand.sway * np.sin(frame * 0.19)
    y = hand.y + 2.6 * away + hand.sway * np.cos(frame * 0.13)
    cos, sin = np.cos(hand.angle), np.sin(hand.angle)
    turn = hand.size * np.array(((cos, sin), (-sin, cos)))
    middle = np.stack([x, y], axis=-1)[:, None]
    mirror = np.array((hand.side, 1.0))  # the thumb is on the side of the face's middle
    shown = away < 1

    def add(points: np.ndarray, colour: np.ndarray) -> None:
        sketch.fill((points * mirror) @ turn + middle, colour, shown=shown)

    skin = np.asarray(hand.colour)
    edge, light = times(skin, 0.68), mix(skin, (255, 240, 230), 0.35)
    add(np.array([(-0.33, 0.62), (0.33, 0.62), (0.5, 2.6), (-0.5, 2.6)]), times(hand.sleeve, 0.9))
    add(np.array([(-0.36, 0.58), (0.36, 0.58), (0.38, 0.72), (-0.38, 0.72)]), times(hand.sleeve, 0.72))
    palm = np.array(
        [(-0.3, -0.16), (-0.1, -0.2), (0.12, -0.2), (0.28, -0.12), (0.29, 0.2), (0.23, 0.6), (-0.23, 0.6), (-0.3, 0.2)]
    )
    palm = _rounded(palm)
    thumb = _capsule((-0.22, 0.22), (-0.52, -0.14), 0.15)
    add(_grown(palm, 0.022), edge)
    add(_grown(thumb, 0.02), edge)
    add(thumb, skin)
    add(disc(-0.51, -0.15, 0.04, 0.05), light)
    fingers = [_capsule((across, 0.0), (across * 1.35, -0.16 - length), width) for across, length, width in _FINGERS]
    for finger, (across, length, _) in zip(fingers, _FINGERS, strict=True):
        add(_grown(finger, 0.018), edge)
        add(finger, skin)
        add(disc(across * 1.34, -0.15 - length, 0.036, 0.052), light)
    add(palm, skin)
    for across, _, _ in _FINGERS:  # knuckles
        knuckle = bend((across - 0.05, -0.1), (across, -0.14), (across + 0.05, -0.1))
        points = (knuckle * mirror) @ turn + middle
        sketch.stroke(points, 0.02 * hand.size, mix(skin, edge, 0.7), shown=shown)


def _capsule(start: tuple[float, float], end: tuple[float, float], width: float) -> np.ndarray:
    first, last = np.array(start), np.array(end)
    along = (last - first) / np.hypot(*(last - first))
    side = np.array((-along[1], along[0]))
    angle = np.linspace(0, np.pi, 10)[:, None]
    cap = np.cos(angle) * side + np.sin(angle) * along
    return np.concatenate([last + 0.44 * width * cap, first - 0.5 * width * cap])


def _rounded(corners: np.ndarray) -> np.ndarray:
    """Corner cutting after Chaikin, twice."""
    for _ in range(2):
        following = np.roll(corners, -1, axis=0)
        corners = np.stack([0.75 * corners + 0.25 * following, 0.25 * corners + 0.75 * following], 1).reshape(-1, 2)
    return corners


def _grown(points: np.ndarray, by: float) -> np.ndarray:
    """Every point moved outwards by about `by`."""
    outwards = points - points.mean(axis=0)
    return points + by * outwards / np.hypot(*outwards.T)[:, None] + by * 0.4 * np.sign(outwards)


def add_captions(image: np.ndarray, layers: Sequence[tuple[int, int, np.ndarray, np.ndarray]]) -> None:
    """Draws the layers of `caption_layers` over a picture, in place."""
    for top, left, colour, cover_share in layers:
        height, width = colour.shape[:2]
        part = image[top : top + height, left : left + width]
        part[:] = cv2.blendLinear(colour, part.copy(), cover_share, 1 - cover_share)


def caption_layers(occluders: Sequence[Occluder], size: int) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Row, column, colours and cover (0 to 1) of every caption in a picture of `size` pixels per side. They are the
    same in all frames, so they are drawn only once."""
    return [_caption_layer(occluder, size) for occluder in occluders if occluder.kind == "caption"]


def _caption_layer(caption: Occluder, size: int) -> tuple[int, int, np.ndarray, np.ndarray]:
    finer = 4  # drawn larger and averaged, as the strokes of letters are thin
    font = cv2.FONT_HERSHEY_DUPLEX
    (width, height), _ = cv2.getTextSize(caption.text, font, 1.0, 2)
    widest = 0.9 if caption.side == 0 else 0.3
    wanted = min((0.075 if caption.side == 0 else 0.085) * caption.size * size / height, widest * size / width) * finer
    text_width, text_height = wanted * width, wanted * height
    box_height = min(round(text_height / finer * 2.2) + 2, size)
    box_width = size if caption.side == 0 else min(round(text_width / finer + 0.06 * size) + 2, size)
    shape = (box_height * finer, box_width * finer)
    letters: np.ndarray = np.zeros(shape, np.uint8)
    outline = np.zeros_like(letters)
    origin = (round((shape[1] - text_width) / 2), round((shape[0] + text_height) / 2))
    thick = max(round(wanted * 2.2), 1)
    cv2.putText(letters, caption.text, origin, font, wanted, 255, thick, cv2.LINE_AA)
    cv2.putText(outline, caption.text, origin, font, wanted, 255, thick + max(round(size / 40), 2), cv2.LINE_AA)
    letters, outline = (
        cv2.resize(each, (box_width, box_height), interpolation=cv2.INTER_AREA) for each in (letters, outline)
    )
    if caption.band:
        outline = np.maximum(outline, 190)
    share = letters[..., None] / 255.0
    colour = np.rint(share * np.array(caption.colour) + (1 - share) * np.array((16, 16, 20))).astype(np.uint8)
    cover_share = np.maximum(letters, outline).astype(np.float32) / 255
    margin = 0 if caption.side == 0 else round(0.03 * size)
    left = margin if caption.side < 0 else size - box_width - margin
    bottom = round(0.02 * size) if caption.side == 0 else margin
    return max(size - box_height - bottom, 0), max(left, 0), colour, cover_share
