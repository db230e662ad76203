"""Stills of synthetic faces in folders by split and label, for trying and measuring what trains on stills."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from ...configuration_logoformer import EXPRESSIONS
from .plan import SPLITS, plan_clip
from .writer import draw_frames

_DONE = "stills.json"
_JPEG_QUALITY = 92


def draw_stills(
    folder: str | Path,
    counts: Mapping[str, int],
    seed: int = 0,
    difficulty: float = 0.0,
    image_size: int = 128,
) -> Path:
    """
    Draws stills as JPEGs: `folder/<split>/<label>/00012.jpg`. Each is the middle frame of a clip that
    `build_synthetic_clips` would draw, so that no person is in two splits. Stills that are there are not drawn again.

    Args:
        folder: where to; it must not exist, or hold such stills.
        counts: number of stills of "train", "validation" and "test", equally many of each expression.
        seed: another seed gives other people.
        difficulty: from 0 to 1, as for clips.
        image_size: height and width in pixels.

    Returns:
        The folder.

    Raises:
        ValueError: other stills are there, or an unknown split.
    """
    folder = Path(folder)
    parameters = {"counts": dict(counts), "seed": seed, "difficulty": float(difficulty), "image_size": image_size}
    if (folder / _DONE).is_file():
        if json.loads((folder / _DONE).read_text(encoding="utf-8")) != parameters:
            raise ValueError(f"{folder} holds other stills ({_DONE}): choose another folder, or delete it.")
        return folder
    partial = folder.with_name(f"{folder.name}.partial")  # a run that was killed leaves it
    shutil.rmtree(partial, ignore_errors=True)
    for split, count in counts.items():
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}, but must be one of {SPLITS}")
        for name in EXPRESSIONS:
            (partial / split / name).mkdir(parents=True)
        for index in range(count):
            plan = plan_clip(split, index, seed, difficulty)
            middle = slice(len(plan.poses) // 2, len(plan.poses) // 2 + 1)
            [picture] = draw_frames(
                plan.identity,
                plan.action_units[middle],
                plan.poses[middle],
                plan.lights[middle],
                image_size,
                plan.camera,
                plan.occluders,
                plan.noise_seed,
            )
            path = partial / split / EXPRESSIONS[plan.label] / f"{index:05d}.jpg"
            Image.fromarray(picture).save(path, quality=_JPEG_QUALITY)
    (partial / _DONE).write_text(json.dumps(parameters), encoding="utf-8")
    partial.rename(folder)
    return folder
