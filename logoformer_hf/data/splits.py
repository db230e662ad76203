"""Divides clips into those for training, for choosing the best epoch, and for testing."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import numpy as np
from datasets import Dataset, DatasetDict
from sklearn.model_selection import train_test_split

from .problems import name_some
from .rows import PERSON
from .transforms import clip_seed

_TRIES = 200  # divisions of people that are compared


def split_clips(
    rows: DatasetDict,
    select_on: str,
    validation_size: float,
    seed: int,
    held_out: Collection[str] | None = None,
) -> DatasetDict:
    """
    Gives the clips to train on ("train"), to choose the best epoch on ("validation") and to test on ("test").

    Args:
        rows: "train" and "test", and "validation" if the source has this split.
        select_on: "validation": the split of this name, or, if there is none, a part of "train" that is held out with
            the classes in the same proportions and depends on `seed` only; where the rows say who is in them (column
            `identity`), all clips of some people. "test": the best epoch is chosen on the
            test clips and all of "train" is trained on, as in most published work of this field; test results are
            then too high by the gain of this choice.
        validation_size: share of "train" that is held out, more than 0 and less than 1.
        seed: seed of the run.
        held_out: names of the clips of "train" that this run held out before. They stay held out, also where other
            clips have been left out since then; None chooses them now.

    Raises:
        ValueError: a split is missing, an argument is out of its range, or a class is too small to be divided.
    """
    for split in ("train", "test"):
        if split not in rows:
            raise ValueError(
                f"there is no split {split!r} among {', '.join(rows)}: clips to train on and clips to test on must "
                "be in separate splits."
            )
    if select_on == "test":
        return DatasetDict(train=rows["train"], validation=rows["test"], test=rows["test"])
    if select_on != "validation":
        raise ValueError(f"`select_on` is {select_on!r}; it must be 'validation' or 'test'.")
    if "validation" in rows:
        return DatasetDict({split: rows[split] for split in ("train", "validation", "test")})
    if not 0 < validation_size < 1:
        raise ValueError(f"`validation_size` is {validation_size}; it must be more than 0 and less than 1.")
    if held_out is not None:
        validation = _places_of(rows["train"], held_out)
    elif has_people(rows["train"]):
        validation = _choose_people(rows["train"], validation_size, seed)
        if not validation:
            raise ValueError(
                f"split 'train' has {len(set(rows['train'][PERSON]))} people, of whom no part has clips of every "
                "class while the others have, too: none can be held out to choose the epoch. Add people, leave "
                "classes out with `labels`, or provide a split 'validation'."
            )
    else:
        validation = _choose_held_out(rows, validation_size, seed)
    train = sorted(set(range(len(rows["train"]))).difference(validation))
    return DatasetDict(
        train=rows["train"].select(train, keep_in_memory=True),
        validation=rows["train"].select(sorted(validation), keep_in_memory=True),
        test=rows["test"],
    )


def _choose_held_out(rows: DatasetDict, validation_size: float, seed: int) -> list[int]:
    """Places of a stratified part of "train"."""
    names, labels = rows["train"].features["label"].names, list(rows["train"]["label"])
    counts = {name: labels.count(number) for number, name in enumerate(names)}
    if small := [name for name, count in counts.items() if count == 1]:
        raise ValueError(
            f"split 'train' has a single clip of {', '.join(small)}: it cannot be used for both training and "
            "validation. Add clips, leave the class out with `labels`, or provide a split 'validation'."
        )
    num_classes, num_clips = sum(count > 0 for count in counts.values()), round(len(labels) * validation_size)
    if not num_classes <= num_clips <= len(labels) - num_classes:
        raise ValueError(
            f"`validation_size` is {validation_size}, which is {num_clips} of {len(labels)} clips; with {num_classes} "
            f"classes it must be {num_classes} to {len(labels) - num_classes} clips."
        )
    held_out: list[int] = train_test_split(
        range(len(labels)), test_size=num_clips, random_state=seed, stratify=labels
    )[1]
    return held_out


def keep_train_share(rows: DatasetDict, share: float, seed: int, kept: Collection[str] | None = None) -> DatasetDict:
    """
    Reduces "train" to a share of its clips; the other splits stay whole.

    Where it is known who is in the clips (column `identity`), all clips of some people are kept, as many people as
    come closest to the share; of several choices of them the one that keeps the share best in every class. Else the
    share of every class is kept, rounded, and at least one clip: these clips are ordered by a digest of seed and name,
    so that a smaller share is a part of a larger one.

    Args:
        rows: "train" and other splits, as `split_clips` gives them.
        share: more than 0 and at most 1, which keeps all.
        seed: seed of the run.
        kept: names of the clips that this run kept before. The same ones are kept, also where other clips have been
            left out since then; None chooses them now.

    Raises:
        ValueError: a share out of its range, or so few people that some class would have no clip.
    """
    if not 0 < share <= 1:
        raise ValueError(f"`train_share` is {share}; it must be more than 0 and at most 1.")
    train = rows["train"]
    if share == 1:
        return rows
    if kept is not None:
        places = _places_of(train, kept)
    elif has_people(train):
        places = _choose_people(train, share, seed, leaves_all_classes=False)
        if not places:
            raise ValueError(
                f"`train_share` is {share} of the {len(set(train[PERSON]))} people to train on, and no choice of so "
                "many has clips of every class: choose a larger share, or leave classes out with `labels`."
            )
    else:
        places = choose_of_every_class(train["clip_id"], train["label"], share, seed)
    return DatasetDict({**rows, "train": train.select(places, keep_in_memory=True)})


def _places_of(clips: Dataset, names: Collection[str]) -> list[int]:
    """Places of the clips with these names."""
    known = set(names)
    return [place for place, clip_id in enumerate(clips["clip_id"]) if clip_id in known]


def choose_of_every_class(names: Iterable[str], labels: Iterable[object], share: float, seed: int) -> list[int]:
    """
    Places of a share of the clips of each class, at least one, in their order.

    Args:
        names: of the clips; with the seed they decide which are chosen.
        labels: classes of the same clips.
        share: 0 to 1.
        seed: another one chooses others.
    """
    names, of_class = list(names), defaultdict(list)
    for place, label in enumerate(labels):
        of_class[label].append(place)
    chosen: list[int] = []
    for places in of_class.values():
        places.sort(key=lambda place: clip_seed(seed, 0, names[place]))
        chosen += places[: max(1, round(share * len(places)))]
    return sorted(chosen)


def has_people(clips: Dataset) -> bool:
    """Whether it is known of every clip who is in it."""
    return PERSON in clips.column_names and None not in set(clips[PERSON])


def _choose_people(clips: Dataset, share: float, seed: int, leaves_all_classes: bool = True) -> list[int]:
    """
    Places of the clips of some people, with about this share of every class; empty where no choice has clips of every
    class, or, with `leaves_all_classes`, leaves clips of every class to the others.
    """
    people, of_clip = np.unique(list(clips[PERSON]), return_inverse=True)
    labels = np.asarray(clips["label"])
    names, numbers = clips.features["label"].names, np.unique(labels)
    counts = np.zeros((len(people), len(names)))  # clips by person and class
    np.add.at(counts, (of_clip, labels), 1)
    counts = counts[:, numbers]
    totals = counts.sum(axis=0)
    draw, best, chosen = np.random.default_rng(seed), np.inf, np.zeros(0, int)
    for _ in range(_TRIES):
        order = draw.permutation(len(people))
        sums = counts[order].cumsum(axis=0)
        for num_people in np.argsort(np.abs(sums.sum(axis=1) / totals.sum() - share), kind="stable")[:2] + 1:
            taken = sums[num_people - 1]
            distance = np.abs(taken / totals - share).sum()
            leaves_enough = not leaves_all_classes or (taken < totals).all()
            if (taken > 0).all() and leaves_enough and distance < best:
                best, chosen = distance, order[:num_people]
    return [int(place) for place in np.flatnonzero(np.isin(of_clip, chosen))]


def check_tested_once(tested: Mapping[int | None, Dataset]) -> None:
    """
    Checks that no clip is tested in two folds: in the mean and the pool of all folds every clip must count once.

    Args:
        tested: clips to test by fold, with the column `clip_id`.

    Raises:
        ValueError: such clips; the message names them with their folds.
    """
    folds_of: dict[str, list[int | None]] = {}
    for fold, clips in tested.items():
        for clip_id in clips["clip_id"]:
            folds_of.setdefault(clip_id, []).append(fold)
    twice = [
        f"{clip_id} (folds {', '.join(map(str, folds))})" for clip_id, folds in folds_of.items() if len(folds) > 1
    ]
    if twice:
        raise ValueError(
            f"{len(twice):,} clips are tested in more than one fold: {name_some(twice)}. Every clip must be tested "
            "once: correct the lists, or test a single fold."
        )
