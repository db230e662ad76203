"""Which clips train, which choose the epoch, and which are tested."""

from datasets import DatasetDict
from sklearn.model_selection import train_test_split


def split_clips(rows: DatasetDict, select_on: str, validation_size: float, seed: int) -> DatasetDict:
    """
    Fixes what trains ("train"), what the best epoch is chosen on ("validation") and what is tested ("test").

    Args:
        rows: "train" and "test", and "validation" where the source has one of its own.
        select_on: "validation": that split, or where there is none a part of "train", held out with the classes in the
            same proportions, a function of `seed` alone. "test": the test clips choose, and all of "train" trains, as
            most published numbers of this field were made; they are too high by what the choice gains.
        validation_size: share of "train" that is held out, more than 0 and less than 1.
        seed: of the run.

    Raises:
        ValueError: a split is missing, an argument is out of its range, or a class is too small to be divided.
    """
    for split in ("train", "test"):
        if split not in rows:
            raise ValueError(
                f"there is no split {split!r} among {', '.join(rows)}: clips to train on and clips to test on must "
                "be apart."
            )
    if select_on == "test":
        return DatasetDict(train=rows["train"], validation=rows["test"], test=rows["test"])
    if select_on != "validation":
        raise ValueError(f"`select_on` is {select_on!r}; it must be 'validation' or 'test'.")
    if "validation" in rows:
        return DatasetDict({split: rows[split] for split in ("train", "validation", "test")})
    if not 0 < validation_size < 1:
        raise ValueError(f"`validation_size` is {validation_size}; it must be more than 0 and less than 1.")
    names, labels = rows["train"].features["label"].names, list(rows["train"]["label"])
    counts = {name: labels.count(number) for number, name in enumerate(names)}
    if small := [name for name, count in counts.items() if count == 1]:
        raise ValueError(
            f"split 'train' has a single clip of {', '.join(small)}: it cannot both train and validate. Add clips, "
            "leave the class out with `labels`, or give a split 'validation' of your own."
        )
    num_classes, num_clips = sum(count > 0 for count in counts.values()), round(len(labels) * validation_size)
    if not num_classes <= num_clips <= len(labels) - num_classes:
        raise ValueError(
            f"`validation_size` is {validation_size}, which is {num_clips} of {len(labels)} clips; of {num_classes} "
            f"classes it must be {num_classes} to {len(labels) - num_classes} clips."
        )
    train, validation = train_test_split(range(len(labels)), test_size=num_clips, random_state=seed, stratify=labels)
    return DatasetDict(
        train=rows["train"].select(sorted(train), keep_in_memory=True),
        validation=rows["train"].select(sorted(validation), keep_in_memory=True),
        test=rows["test"],
    )
