"""Effects of a camera and of video compression on a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

_GRAIN_SIZE = 640  # pixels per side of the noise image that every picture gets a part of; pictures have up to 512
_GRAIN_SPREAD = 32  # its standard deviation, in grey levels


@dataclass(frozen=True)
class Camera:
    """The defects of a clip's camera; by default there are none.

    Attributes:
        defocus_px: standard deviation of the blur, in pixels of a picture of 128 pixels.
        shutter: part of the time between two frames in which the shutter is open, 0 to 1; it sets the motion blur.
        resolution: pixels per side to which the picture is reduced before it is enlarged again; 0 for no reduction.
        noise: standard deviation of the noise, in grey levels.
        jpeg_quality: 1 to 100; 0 for no compression.
        crf: constant rate factor of H.264: the loss is hardly visible at 18 and strong at 35.
        exposure: gain; values brighter than white are clipped.
        gamma: exponent; above 1 it darkens the middle tones.
        contrast: factor, relative to a middle grey.
        saturation: factor; 0 is grey.
        red: gain of the red channel, as with a wrong white balance.
        blue: gain of the blue channel.
    """

    defocus_px: float = 0.0
    shutter: float = 0.0
    resolution: int = 0
    noise: float = 0.0
    jpeg_quality: int = 0
    crf: int = 18
    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0
    red: float = 1.0
    blue: float = 1.0

    @classmethod
    def draw(cls, rng: np.random.Generator, difficulty: float) -> "Camera":
        """Draws a random camera: at difficulty 0 without defects, at 1 like those of films and phones."""

        def happens(chance: float) -> bool:
            return bool(rng.random() < chance * difficulty)

        def up_to(most: float) -> float:
            return float(rng.uniform(0.1, 1) * most * difficulty)

        def around_1(spread: float) -> float:
            return float(np.exp(np.clip(rng.normal(), -2, 2) * spread * difficulty))

        smallest = 128 - 92 * difficulty
        return cls(
            defocus_px=up_to(2.2) if happens(0.35) else 0.0,
            shutter=up_to(1.0) if happens(0.5) else 0.0,
            # An even number; small ones are as frequent as large ones.
            resolution=2 * round(np.exp(rng.uniform(np.log(smallest), np.log(128))) / 2) if happens(0.5) else 0,
            noise=up_to(11.0) if happens(0.45) else 0.0,
            jpeg_quality=round(rng.uniform(90 - 78 * difficulty, 90)) if happens(0.35) else 0,
            crf=round(18 + rng.uniform(0, 16) * difficulty),
            exposure=around_1(0.12),
            gamma=around_1(0.15),
            contrast=around_1(0.14),
            saturation=0.0 if happens(0.1) else min(around_1(0.25), 1.3),
            red=around_1(0.06),
            blue=around_1(0.09),
        )


def shoot(
    image: np.ndarray, camera: Camera, rng: np.random.Generator, movement_px: Sequence[float] = (0.0, 0.0)
) -> np.ndarray:
    """Applies the defects of a camera to a picture, all but `crf`.

    Args:
        image: uint8 RGB, shape (height, width, 3), at most 512 pixels per side.
        camera: the defects.
        rng: random numbers of the noise.
        movement_px: movement since the previous frame in pixels, to the right and down.

    Returns:
        uint8 RGB of the same shape.
    """
    width = image.shape[1]
    image = _smeared(image, np.asarray(movement_px) * camera.shutter)
    if camera.defocus_px > 0:
        image = cv2.GaussianBlur(image, (0, 0), max(camera.defocus_px * width / 128, 0.05))
    if 0 < camera.resolution < width:
        image = cv2.resize(image, (camera.resolution, camera.resolution), interpolation=cv2.INTER_AREA)
    image = cv2.LUT(image, _tones(camera))
    if camera.saturation != 1:
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        image = cv2.addWeighted(image, camera.saturation, grey, 1 - camera.saturation, 0)
    if camera.noise > 0:
        strength, (top, left) = camera.noise / _GRAIN_SPREAD, rng.integers(0, _GRAIN_SIZE - max(image.shape), 2)
        grain = _grain()[top : top + image.shape[0], left : left + image.shape[1]]
        image = cv2.addWeighted(image, 1, grain, strength, -128 * strength)
    if camera.jpeg_quality > 0:
        # OpenCV takes red for blue both when it encodes and when it decodes, so the colours stay as they are.
        coded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality))[1]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return enlarge(image, width)


def enlarge(image: np.ndarray, image_size: int) -> np.ndarray:
    """Resizes a square picture (height, width, 3) to `image_size` pixels per side."""
    if image.shape[0] == image_size:
        return image
    return cv2.resize(image, (image_size, image_size), interpolation=cv2.INTER_CUBIC)


def _smeared(image: np.ndarray, path_px: np.ndarray) -> np.ndarray:
    length = float(np.hypot(*path_px))
    if length < 0.5:
        return image
    reach = int(min(length, 31) / 2) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    end = path_px / length * min(length, 31) / 2 * 16  # in sixteenths of a pixel
    start, stop = np.rint(reach * 16 - end).astype(int), np.rint(reach * 16 + end).astype(int)
    cv2.line(kernel, start.tolist(), stop.tolist(), 1.0, 1, cv2.LINE_8, 4)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=8)
def _tones(camera: Camera) -> np.ndarray:
    """The new value of each grey level in each channel, shape (1, 256, 3)."""
    level = np.linspace(0, 1, 256)[:, None] * np.array((camera.red, 1.0, camera.blue)) * camera.exposure
    level = np.clip(level, 0, 1) ** camera.gamma
    level = 0.45 + (level - 0.45) * camera.contrast
    return np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8)[None]


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Noise around 128, slightly coarser than a pixel, like that of sensors with a colour filter."""
    grain: np.ndarray = np.random.default_rng(0).normal(0, 1, (_GRAIN_SIZE, _GRAIN_SIZE, 3)).astype(np.float32)
    grain = cv2.GaussianBlur(0.45 * grain + 0.55 * grain[..., :1], (0, 0), 0.55)
    return np.clip(np.rint(128 + _GRAIN_SPREAD * grain / grain.std()), 0, 255).astype(np.uint8)
