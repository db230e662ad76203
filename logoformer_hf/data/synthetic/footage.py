"""Footage of drawn people with known truth: who is where in which frame, how much of each face is seen, and what it
shows.

`scenes.py` plans footage for measuring how faces are followed, `episodes.py` footage for measuring timelines.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np

from ...configuration_logoformer import EXPRESSIONS
from .actor import MIDDLE, UNIT, Actor

_CARD_COLOUR = (96, 88, 80)
# Half extents in face units of what hides somebody behind a person, and its middle below the face's origin.
_HEAD = (0.0, 1.1, 1.4)
_SHOULDERS = (2.3, 1.75, 0.82)


@dataclass(frozen=True)
class Role:
    """One person's part in footage.

    Attributes:
        actor: the drawn person.
        takes: frame of the actor's performance that each frame of the footage shows, shape (frames,).
        middles_px: where the origin of a frontal face is, x and y, shape (frames, 2); NaN where the person is not in
            the scene.
        unit_px: size of a face unit, which is half a face's width, shape (frames,).
        depths: a person hides those of smaller depth, shape (frames,).
        tracks: number of the track, from 1, shape (frames,): another one after a cut and after a long absence; 0 where
            the person is not in the scene.
        is_covered: whether a card is held in front of the face, shape (frames,).
        labels: index of the expression into `EXPRESSIONS`, shape (frames,).
    """

    actor: Actor
    takes: np.ndarray
    middles_px: np.ndarray
    unit_px: np.ndarray
    depths: np.ndarray
    tracks: np.ndarray
    is_covered: np.ndarray
    labels: np.ndarray

    @cached_property
    def corners_px(self) -> np.ndarray:
        """Upper left corner of the actor's picture in the footage, shape (frames, 2)."""
        return self.middles_px - np.array(MIDDLE) * self.sides_px[:, None]

    @cached_property
    def sides_px(self) -> np.ndarray:
        """Side of the actor's picture in the footage, shape (frames,)."""
        return self.unit_px / UNIT

    @cached_property
    def boxes_px(self) -> np.ndarray:
        """x, y, width and height of the face, shape (frames, 4); NaN where the person is not in the scene."""
        boxes = self.actor.boxes[self.takes] * self.sides_px[:, None]
        boxes[:, :2] += self.corners_px
        return boxes

    @cached_property
    def landmarks_px(self) -> np.ndarray:
        """The picture's left and right eye, the nose and the corners of the mouth, shape (frames, 5, 2)."""
        return self.actor.landmarks[self.takes] * self.sides_px[:, None, None] + self.corners_px[:, None]


@dataclass(frozen=True)
class FootageTruth:
    """What is to be seen in footage; `people` is the number of roles.

    Attributes:
        times_sec: of each frame from the start, shape (frames,).
        tracks: number of the track of each person, shape (frames, people); 0 where not in the scene.
        boxes_px: x, y, width and height of each face, shape (frames, people, 4).
        landmarks_px: shape (frames, people, 5, 2).
        seen: share of the face that nothing hides and that lies in the picture, 0 to 1, shape (frames, people).
        labels: index of the expression into `EXPRESSIONS`, shape (frames, people).
        is_cut: whether another scene begins with the frame, shape (frames,).
    """

    times_sec: np.ndarray
    tracks: np.ndarray
    boxes_px: np.ndarray
    landmarks_px: np.ndarray
    seen: np.ndarray
    labels: np.ndarray
    is_cut: np.ndarray

    def write(self, path: str | Path) -> None:
        """Writes everything as JSON; numbers with three decimals, null for those that are not there."""
        values: dict[str, object] = {"expressions": list(EXPRESSIONS)}
        for name in ("times_sec", "tracks", "boxes_px", "landmarks_px", "seen", "labels", "is_cut"):
            array = getattr(self, name)
            if array.dtype.kind == "f":
                array = np.where(np.isnan(array), None, np.round(array, 3).astype(object))
            values[name] = array.tolist()
        Path(path).write_text(json.dumps(values))


@dataclass(frozen=True)
class DrawnFootage:
    """Footage before its frames are drawn.

    Attributes:
        size_px: width and height, even numbers.
        fps: frames per second.
        roles: the people.
        scenes: number of the scene of each frame, from 0, shape (frames,).
        backgrounds: seed of the background of each scene; a negative one gives a plain background.
        zooms: enlargement of the background about the picture's middle, shape (frames,).
    """

    size_px: tuple[int, int]
    fps: float
    roles: Sequence[Role]
    scenes: np.ndarray
    backgrounds: Sequence[int]
    zooms: np.ndarray

    def __len__(self) -> int:
        return len(self.scenes)

    @cached_property
    def truth(self) -> FootageTruth:
        """What is to be seen in which frame."""

        def together(name: str) -> np.ndarray:
            return np.stack([getattr(role, name) for role in self.roles], axis=1)

        return FootageTruth(
            times_sec=np.arange(len(self)) / self.fps,
            tracks=together("tracks"),
            boxes_px=together("boxes_px"),
            landmarks_px=together("landmarks_px"),
            seen=np.stack([self._seen(role) for role in self.roles], axis=1),
            labels=together("labels"),
            is_cut=np.diff(self.scenes, prepend=self.scenes[:1]) != 0,
        )

    def frames(self) -> Iterator[np.ndarray]:
        """Draws the frames one after the other, uint8 RGB of shape (height, width, 3)."""
        width, height = self.size_px
        backgrounds = [background(seed, width, height) for seed in self.backgrounds]
        for frame, (scene, zoom) in enumerate(zip(self.scenes, self.zooms, strict=True)):
            picture = _zoomed(backgrounds[scene], zoom)
            for role in sorted(self.roles, key=lambda role: float(role.depths[frame])):
                if role.tracks[frame]:
                    _place(picture, role, frame)
            yield picture

    def write(self, path: str | Path, crf: int = 20) -> None:
        """Writes the footage as mp4 (H.264, yuv420p). The same footage gives the same bytes.

        Args:
            path: file to write.
            crf: constant rate factor of H.264: the loss is hardly visible at 18 and strong at 35.
        """
        with av.open(str(path), "w") as container:
            options = {"crf": str(crf), "preset": "veryfast", "threads": "1", "rc-lookahead": "0"}
            stream = container.add_stream("libx264", rate=Fraction(self.fps).limit_denominator(1001), options=options)
            (stream.width, stream.height), stream.pix_fmt = self.size_px, "yuv420p"
            for picture in self.frames():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())

    def _seen(self, role: Role) -> np.ndarray:
        """Share of the face that is seen, shape (frames,)."""
        across = np.linspace(-0.9, 0.9, 10)
        x, y = (each.ravel() for each in np.meshgrid(across, across))
        inside = x * x + y * y <= 1
        middles, half = role.boxes_px[:, :2] + role.boxes_px[:, 2:] / 2, role.boxes_px[:, 2:] / 2
        x, y = middles[:, :1] + half[:, :1] * x[inside], middles[:, 1:] + half[:, 1:] * y[inside]  # (frames, points)
        width, height = self.size_px
        seen = (x >= 0) & (x < width) & (y >= 0) & (y < height) & ~role.is_covered[:, None]
        for other in self.roles:
            if other is role:
                continue
            in_front = (other.tracks > 0) & (other.depths > role.depths)
            hidden = np.zeros_like(seen)
            # The head turns and shifts with the pose, so its middle is that of the face's box.
            heads = other.boxes_px[:, :2] + other.boxes_px[:, 2:] / 2
            for (below, wide, high), middle in ((_HEAD, heads), (_SHOULDERS, other.middles_px)):
                dx = (x - middle[:, :1]) / (wide * other.unit_px[:, None])
                dy = (y - middle[:, 1:]) / (high * other.unit_px[:, None]) - below / high
                hidden |= dx * dx + dy * dy <= 1
            left, top = other.boxes_px[:, :1], other.boxes_px[:, 1:2]
            right, low = left + other.boxes_px[:, 2:3], top + other.boxes_px[:, 3:]
            card = (x >= left) & (x <= right) & (y >= top) & (y <= low)
            hidden |= card & other.is_covered[:, None]
            seen &= ~(hidden & in_front[:, None])
        return np.where(role.tracks > 0, seen.mean(axis=1), 0.0)


def background(seed: int, width: int, height: int) -> np.ndarray:
    """Draws a background, uint8 RGB (height, width, 3): a plain one with a slight gradient for a negative seed, else a
    gradient, soft noise or shapes, with bars and boxes that look like no face."""
    rng = np.random.default_rng(abs(seed))
    corners = rng.uniform(80, 215, 3) + rng.normal(0, 8 if seed < 0 else 30, (2, 2, 3))
    picture: np.ndarray = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    kind = rng.integers(3)
    if seed >= 0 and kind == 1:
        noise = rng.normal(0, 28, (height // 24 + 2, width // 24 + 2, 3)).astype(np.float32)
        picture = picture + cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    if seed >= 0:
        for _ in range(rng.integers(2, 9) if kind == 2 else 3):
            colour = rng.uniform(30, 230, 3).tolist()
            start, extent = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.03, 0.3, 2) * (width, height)
            end = start + extent * rng.choice((-1, 1), 2)
            if rng.random() < 0.5:
                cv2.rectangle(picture, start.astype(int).tolist(), end.astype(int).tolist(), colour, -1)
            else:
                thickness = int(rng.integers(2, 8))
                cv2.line(picture, start.astype(int).tolist(), end.astype(int).tolist(), colour, thickness)
    return picture


def _zoomed(picture: np.ndarray, zoom: float) -> np.ndarray:
    if zoom == 1:
        return picture.copy()
    height, width = picture.shape[:2]
    matrix = np.array([[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]])
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def _place(picture: np.ndarray, role: Role, frame: int) -> None:
    """Paints a person, and the card in front of the face, on `picture` in place."""
    height, width = picture.shape[:2]
    (left, top), side = role.corners_px[frame], role.sides_px[frame]
    x0, y0 = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    x1, y1 = min(int(np.ceil(left + side)), width), min(int(np.ceil(top + side)), height)
    if x0 >= x1 or y0 >= y1:
        return
    person = role.actor.picture(int(role.takes[frame]))
    if side < 0.6 * len(person):  # without this, pixels would be left out
        person = cv2.resize(person, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    scale = side / len(person)
    # The half: OpenCV's whole numbers are the middles of pixels.
    shift = (left - x0 + 0.5 * scale - 0.5, top - y0 + 0.5 * scale - 0.5)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    person = cv2.warpAffine(person, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    region = picture[y0:y1, x0:x1]
    behind = cv2.multiply(region, cv2.merge([255 - person[..., 3]] * 3), scale=1 / 255)
    region[:] = cv2.add(person[..., :3], behind)
    if role.is_covered[frame]:
        x, y, box_width, box_height = role.boxes_px[frame]
        corner, end = (x - 0.15 * box_width, y - 0.15 * box_height), (x + 1.15 * box_width, y + 1.15 * box_height)
        cv2.rectangle(picture, [round(each) for each in corner], [round(each) for each in end], _CARD_COLOUR, -1)
