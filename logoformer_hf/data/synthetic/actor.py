"""A drawn person without a background, to be placed into footage, and where its face is."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .behaviour import draw_action_units
from .features import mouth_curves
from .motion import draw_poses
from .person import Identity
from .rig import ACTION_UNITS, render_faces

UNIT = 0.2  # a face unit (half a face's width), as a share of an actor's picture: head and shoulders fit in
_RIG_UNIT = 0.325  # the same in the rig's own pictures, which show a head alone
_RIG_MIDDLE = 0.515  # height of the face's origin in the rig's pictures
MIDDLE = (0.5, 0.395)  # where the face's origin is in an actor's picture, for a frontal pose
CHUNK_FRAMES = 48  # drawn at once: the rig needs less time for each frame, and memory is bounded
_EYE_Y = -0.13
_NOSE_LIFT = 0.3

# The box of a face as OpenCV's detector YuNet gives it, fitted to its boxes of 210 drawn faces, in face units: the
# residuals of the middle have a standard deviation of 2 % of a side, those of the sides 3 to 5 %. Weights of 1,
# face_width, face_length, jaw drop (AU26) and open mouth (AU25).
_BOX_WEIGHTS = {
    "y": (0.054, -0.327, 0.284, 0.118, 0.017),
    "width": (0.109, 1.4, 0.34, -0.034, 0.109),
    "height": (0.776, 0.855, 0.587, 0.108, 0.172),
}
_BOX_LIFT = -0.48  # when the head turns, the box moves half as far as the middle of the face


@dataclass(frozen=True)
class Performance:
    """What a person does over time.

    Attributes:
        identity: the person.
        action_units: intensities from 0 to 1 in the order of `ACTION_UNITS`, shape (frames, 18, 2).
        poses: the fields of `Pose`, shape (frames, 8), as in training clips.
    """

    identity: Identity
    action_units: np.ndarray
    poses: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, expression: str, num_frames: int, fps: float) -> "Performance":
        """Draws a person with one expression, as in a training clip at difficulty 0."""
        identity_rng, face_rng, pose_rng = rng.spawn(3)
        time_sec = np.arange(num_frames) / fps
        units = draw_action_units(face_rng, expression, time_sec)
        return cls(Identity.draw(identity_rng), units, draw_poses(pose_rng, time_sec))


class Actor:
    """Draws a performance as pictures with transparency.

    Only the chunk of frames that was asked for last is kept: frames that are asked for in order are drawn once, and
    memory does not grow with the length. A performance of at most `CHUNK_FRAMES` frames is therefore drawn only once.

    Args:
        performance: what the person does.
        side_px: height and width of the pictures in pixels.
    """

    def __init__(self, performance: Performance, side_px: int = 208) -> None:
        self.performance = performance
        self.side_px = side_px
        self.boxes, self.landmarks = _faces(performance)  # (frames, 4), (frames, 5, 2): shares of the picture
        self._chunk = -1
        self._pictures: list[np.ndarray] = []

    def __len__(self) -> int:
        return len(self.performance.poses)

    def picture(self, frame: int) -> np.ndarray:
        """The picture of a frame: uint8 RGBA (side, side, 4); the colours are multiplied by the opacity."""
        chunk, place = divmod(frame, CHUNK_FRAMES)
        if chunk != self._chunk:
            part = slice(chunk * CHUNK_FRAMES, (chunk + 1) * CHUNK_FRAMES)
            self._pictures, self._chunk = self._draw(part), chunk
        return self._pictures[place]

    def _draw(self, part: slice) -> list[np.ndarray]:
        """Draws the person twice, on black and on white: the difference is how transparent each pixel is."""
        poses = _moved(self.performance.poses[part])
        lights = np.tile((1.0, 0.0, 0.0, 0.0, 0.0), (len(poses), 1))
        on_black, on_white = (
            render_faces(
                replace(self.performance.identity, backdrop=(grey, grey, grey), clutter=0.0),
                self.performance.action_units[part],
                poses,
                lights,
                self.side_px,
            )
            for grey in (0.0, 255.0)
        )
        pictures = []
        for dark, light in zip(on_black, on_white, strict=True):
            through = cv2.subtract(light, dark).min(axis=-1)
            pictures.append(np.dstack([dark, 255 - through]))
        return pictures


def _moved(poses: np.ndarray) -> np.ndarray:
    """Poses with which the rig draws head and shoulders instead of a head alone."""
    share = UNIT / _RIG_UNIT
    moved = poses.copy()
    moved[:, 3:5] = poses[:, 3:5] * share + (MIDDLE[0] - 0.5, MIDDLE[1] - _RIG_MIDDLE)
    moved[:, 5] *= share
    return moved


def _faces(performance: Performance) -> tuple[np.ndarray, np.ndarray]:
    """The face's box (x, y, width, height), (frames, 4), and its five landmarks, (frames, 5, 2), of every frame, as
    shares of the actor's picture. The landmarks are the picture's left and right eye, the nose, and the corners of the
    mouth."""
    who, units, poses = performance.identity, performance.action_units, _moved(performance.poses)
    side = dict(zip(ACTION_UNITS, np.moveaxis(units, 1, 0)[..., None], strict=True))
    mean = {unit: each.mean(axis=(1, 2)) for unit, each in side.items()}
    mouth = mouth_curves(who, side)
    zeros = np.zeros(len(poses))
    x = [zeros - who.eye_spacing, zeros + who.eye_spacing, zeros, mouth["x"][:, 0], mouth["x"][:, -1], zeros]
    nose_y = who.nose_length - 0.06 * mean[9]
    terms = np.stack([zeros + 1, zeros + who.face_width, zeros + who.face_length, mean[26], mean[25]], axis=-1)
    middle_y, width, height = (terms @ np.array(_BOX_WEIGHTS[name]) for name in ("y", "width", "height"))
    y = [zeros + _EYE_Y, zeros + _EYE_Y, nose_y, mouth["corner"][:, 0], mouth["corner"][:, -1], middle_y]
    lifts = np.array((0.0, 0.0, _NOSE_LIFT, 0.0, 0.0, _BOX_LIFT))
    points = _project(np.stack(x, axis=-1), np.stack(y, axis=-1), lifts, poses)
    extent = np.stack([width, height], axis=-1) * _RIG_UNIT * poses[:, 5, None]
    boxes = np.concatenate([points[:, 5] - extent / 2, extent], axis=-1)
    return boxes, points[:, :5]


def _project(x: np.ndarray, y: np.ndarray, lifts: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Points in face units, each (frames, points), as shares of the picture, (frames, points, 2); see
    `Sketch.project`."""
    roll, yaw, pitch, shift_x, shift_y, scale = (poses[:, field, None] for field in range(6))
    square = 1.0 - 0.8 * x * x - 0.45 * y * y
    depth = np.sqrt(0.5 * (square + np.sqrt(square * square + 0.03))) + lifts
    x = x * np.cos(yaw) + depth * np.sin(yaw)
    y = y * np.cos(pitch) + depth * np.sin(pitch)
    cos, sin = _RIG_UNIT * scale * np.cos(roll), _RIG_UNIT * scale * np.sin(roll)
    return np.stack([cos * x - sin * y + 0.5 + shift_x, sin * x + cos * y + _RIG_MIDDLE + shift_y], axis=-1)
