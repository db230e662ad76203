"""Training transforms: the same random crop, flip, colour change and erasing for all frames of a clip."""

import hashlib
import math

import torch
from torchvision.transforms import v2


def clip_seed(seed: int, epoch: int, clip_id: str) -> int:
    """A seed of 63 bits that depends on its arguments only: workers, processes and a resume do not change it."""
    digest = hashlib.sha256(f"{seed}/{epoch}/{clip_id}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1  # torch takes 63 bits


def shorter_side_px(image_size: int, min_crop_area: float) -> int:
    """
    Shorter side in pixels of frames in which a crop of average area is not enlarged to reach `image_size`.

    A crop keeps between `min_crop_area` and all of the central square, so (1 + min_crop_area) / 2 on average. Smaller
    crops are enlarged, with an area of 0.7 by at most a tenth, or a sixth together with the aspect ratio. With enough
    pixels for the smallest crop (134 for 112), JPEGs of 256 pixels, the usual size in this field, could not be decoded
    at half size.
    """
    return math.ceil(image_size / math.sqrt((1 + min_crop_area) / 2))


class TrainingTransforms:
    """
    Random resized crop and horizontal flip, optionally colour jitter and erasing, drawn once per clip.

    Args:
        image_size: height and width of the result in pixels.
        min_crop_area: smallest area of a crop, as a share of the central square of the frame, which is the part used
            in evaluation; more than 0 and at most 1, which keeps all of it.
        flip_prob: probability of a horizontal flip.
        color_jitter: strength of the change of brightness, contrast and saturation, 0 to 1; 0 turns it off.
        erasing_prob: probability that one rectangle is set to black, 0 to 1; 0 turns it off.

    Attributes:
        min_side_px: shorter side that the frames should have at least, see `shorter_side_px`.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        image_size: int,
        min_crop_area: float = 0.7,
        flip_prob: float = 0.5,
        color_jitter: float = 0.0,
        erasing_prob: float = 0.0,
    ):
        if not 0 < min_crop_area <= 1:
            raise ValueError(f"`min_crop_area` is {min_crop_area}; it must be more than 0 and at most 1.")
        for name, value in (("flip_prob", flip_prob), ("color_jitter", color_jitter), ("erasing_prob", erasing_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` is {value}; it must be at least 0 and at most 1.")
        self.min_side_px = shorter_side_px(image_size, min_crop_area)
        transforms = [
            v2.RandomResizedCrop(image_size, scale=(min_crop_area, 1.0), ratio=(0.9, 1.1), antialias=True),
            v2.RandomHorizontalFlip(flip_prob),
        ]
        if color_jitter:
            transforms.append(v2.ColorJitter(brightness=color_jitter, contrast=color_jitter, saturation=color_jitter))
        if erasing_prob:
            transforms.append(v2.RandomErasing(erasing_prob, scale=(0.02, 0.2)))
        self.transforms = v2.Compose(transforms)

    def __call__(self, frames: torch.Tensor, seed: int) -> torch.Tensor:
        """Frames `(frames, channels, height, width)` uint8 to `(frames, channels, image_size, image_size)` uint8."""
        # In a wide frame no crop of this area and aspect ratio fits, and torchvision would always use the same crop.
        frames = v2.functional.center_crop(frames, [min(frames.shape[-2:])] * 2)
        # torchvision draws from torch's global generator on the CPU; its state is restored afterwards.
        # `torch.manual_seed` would also seed the generators of the GPUs.
        state = torch.get_rng_state()
        torch.default_generator.manual_seed(seed)
        try:
            transformed: torch.Tensor = self.transforms(frames)
            return transformed
        finally:
            torch.set_rng_state(state)
