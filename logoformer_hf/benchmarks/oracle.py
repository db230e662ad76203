"""Estimates the highest accuracy on synthetic expressions. `python -m logoformer_hf.benchmarks.oracle`

A classifier gets the true action units with a little noise instead of frames.
"""

import argparse

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from ..configuration_logoformer import EXPRESSIONS
from ..data.synthetic.plan import plan_clip
from ..video_processing_logoformer import sample_frame_indices

NOISE = 0.02  # standard deviation, of intensities from 0 to 1


def oracle_accuracy(difficulty: float, num_train: int = 4200, num_test: int = 2100) -> dict[str, float]:
    """
    Accuracy on test clips, from the 16 frames that a model gets and from the middle frame only.

    Args:
        difficulty: difficulty of the faces' movements, 0 to 1.
        num_train: number of training clips, of the train split, equally many of each class.
        num_test: number of test clips, of other people.

    Returns:
        Accuracies of "whole clip" and "middle frame", from 0 to 1.
    """
    rng = np.random.default_rng(0)
    train = [_measure("train", index, difficulty, rng) for index in range(num_train)]
    test = [_measure("test", index, difficulty, rng) for index in range(num_test)]
    truth = np.arange(num_test) % len(EXPRESSIONS)
    accuracies = {}
    for number, name in enumerate(("whole clip", "middle frame")):
        classifier = HistGradientBoostingClassifier(
            learning_rate=0.08,
            max_iter=150,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            max_features=0.3,
            random_state=0,
        )
        classifier.fit([clip[number] for clip in train], np.arange(num_train) % len(EXPRESSIONS))
        said = classifier.predict([clip[number] for clip in test])
        accuracies[name] = float((said == truth).mean())
    return accuracies


def _measure(split: str, index: int, difficulty: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Statistics of a clip's action units over time, `(features,)`, and the action units of its middle frame."""
    units = plan_clip(split, index, 0, difficulty, view_difficulty=0.0).action_units

    def seen(frames: list[int]) -> np.ndarray:
        return units[frames] + rng.normal(0, NOISE, units[frames].shape)

    clip = seen(sample_frame_indices(len(units))).mean(axis=-1)  # (16, units), mean of the two sides
    middle = seen([len(units) // 2]).ravel()
    pairs = clip.reshape(8, 2, -1)
    within, level = np.abs(pairs[:, 1] - pairs[:, 0]), pairs.mean(axis=1)  # (8, units)
    steps, typical, lowest = np.diff(level, axis=0), np.median(clip, axis=0), clip.min(axis=0)
    start = level[0]
    course = [
        *(clip.mean(axis=0), clip.max(axis=0), lowest, clip.std(axis=0), typical),
        *(clip.mean(axis=0) - lowest, typical - lowest),
        *(within.mean(axis=0), within.max(axis=0)),
        *(steps.max(axis=0), steps.min(axis=0), np.abs(steps).sum(axis=0)),
        *(level[3:5].mean(axis=0) - start, level[2:4].mean(axis=0) - start, level[5:7].mean(axis=0) - start),
        level[-1] - start,
    ]
    return np.concatenate(course), middle


def main() -> None:
    """Prints the accuracies for each difficulty."""
    parser = argparse.ArgumentParser(description=__doc__.split("`")[0].strip())
    parser.add_argument("difficulty", nargs="*", type=float, default=[0.0, 0.5, 1.0], help="by default 0, 0.5 and 1")
    for difficulty in parser.parse_args().difficulty:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in oracle_accuracy(difficulty).items())
        print(f"difficulty {difficulty:g}: {shares}", flush=True)


if __name__ == "__main__":
    main()
