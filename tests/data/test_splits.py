import datasets
import pytest
from errors import raises_naming
from toys import clip_rows

from logoformer_hf.data.splits import check_tested_once, keep_train_share, split_clips


def make_splits(counts=(60, 30, 30, 20, 20, 2, 8), **splits: list[int]) -> datasets.DatasetDict:
    """As uneven as the real data sets: two clips of disgust."""
    train = [label for label, count in enumerate(counts) for _ in range(count)]
    splits = {"train": train, "test": list(range(7))} | splits
    return datasets.DatasetDict(
        {name: clip_rows(["clip.mp4"] * len(labels), labels, prefix=name) for name, labels in splits.items()}
    )


def test_validation_is_a_stratified_part_of_train():
    rows = make_splits()
    parts = split_clips(rows, "validation", 0.1, seed=0)
    train, validation = set(parts["train"]["clip_id"]), set(parts["validation"]["clip_id"])
    assert train | validation == set(rows["train"]["clip_id"]) and not train & validation
    assert parts["test"]["clip_id"][:] == rows["test"]["clip_id"][:]
    labels = list(parts["validation"]["label"])
    assert [labels.count(label) for label in range(5)] == [6, 3, 3, 2, 2] and len(labels) == 17


def test_whole_people_are_held_out_where_they_are_known():
    rows = make_splits(counts=(50, 30, 30, 20, 20, 20, 30))
    people = [f"person {place % 20}" for place in range(200)]
    rows["train"] = rows["train"].add_column("identity", people)
    parts = split_clips(rows, "validation", 0.1, seed=0)
    held_out = set(parts["validation"]["identity"])
    assert len(held_out) == 2 and not held_out & set(parts["train"]["identity"])
    assert set(parts["validation"]["label"]) == set(parts["train"]["label"]) == set(range(7))
    again = [split_clips(rows, "validation", 0.1, seed)["validation"]["clip_id"][:] for seed in (0, 1, 2, 3)]
    assert again[0] == parts["validation"]["clip_id"][:] and any(other != again[0] for other in again)


def test_people_who_cannot_be_divided():
    """Every class is one person's: without this person there is none to train on, or to choose the epoch on."""
    rows = make_splits(counts=(4, 4, 4, 0, 0, 0, 0))
    rows["train"] = rows["train"].add_column("identity", [f"person {label}" for label in rows["train"]["label"]])
    with raises_naming(ValueError, "3 people", "validation"):
        split_clips(rows, "validation", 0.5, seed=0)


def test_the_held_out_part_is_a_function_of_the_seed():
    ids = [split_clips(make_splits(), "validation", 0.1, seed)["validation"]["clip_id"][:] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(("validation_size", "num_validation"), [(0.3, 3), (0.7, 7)])
def test_the_smallest_and_the_largest_part_that_can_be_held_out(validation_size, num_validation):
    """One clip of each of three classes on either side; classes without a clip need none."""
    parts = split_clips(make_splits(counts=(4, 0, 3, 3, 0, 0, 0)), "validation", validation_size, seed=0)
    assert len(parts["validation"]) == num_validation and len(parts["train"]) == 10 - num_validation
    for part in ("train", "validation"):
        assert set(parts[part]["label"]) == {0, 2, 3}


def test_what_was_held_out_before_stays_held_out():
    """Also where clips of both parts cannot be used any more: a stratified choice would be another one."""
    rows = make_splits()
    before = split_clips(rows, "validation", 0.1, seed=0)
    lost = {before["train"]["clip_id"][0], before["validation"]["clip_id"][0]}
    rows["train"] = rows["train"].filter(lambda clip_id: clip_id not in lost, input_columns="clip_id")
    after = split_clips(rows, "validation", 0.1, seed=0, held_out=list(before["validation"]["clip_id"]))
    for part in ("train", "validation"):
        assert list(after[part]["clip_id"]) == [name for name in before[part]["clip_id"] if name not in lost]
    assert set(split_clips(rows, "validation", 0.1, seed=0)["validation"]["clip_id"]) - set(
        before["validation"]["clip_id"]
    )


def test_a_split_of_its_own_is_used_whole():
    rows = make_splits(validation=list(range(7)))
    parts = split_clips(rows, "validation", 0.1, seed=0)
    assert {name: len(part) for name, part in parts.items()} == {"train": 170, "validation": 7, "test": 7}


def test_choosing_on_the_test_clips_trains_on_all_of_train():
    parts = split_clips(make_splits(), "test", 0.1, seed=0)
    assert len(parts["train"]) == 170
    assert parts["validation"]["clip_id"][:] == parts["test"]["clip_id"][:]


@pytest.mark.parametrize(
    ("rows", "arguments", "words"),
    [
        (make_splits().filter(lambda _: True), ("best", 0.1), ["select_on", "best", "validation", "test"]),
        (make_splits(), ("validation", 0.0), ["validation_size", "0.0"]),
        (make_splits(), ("validation", 1.0), ["validation_size", "1.0"]),
        (make_splits(), ("validation", 0.01), ["validation_size", "0.01", "2 of 170", "7 to 163"]),
        (make_splits(), ("validation", 0.99), ["validation_size", "0.99", "168 of 170", "7 to 163"]),
        (make_splits(counts=(9, 9, 9, 9, 9, 1, 9)), ("validation", 0.2), ["train", "disgust", "labels"]),
        (datasets.DatasetDict(train=clip_rows(["a.mp4"])), ("validation", 0.1), ["test", "train"]),
    ],
)
def test_what_cannot_be_divided_is_named(rows, arguments, words):
    with raises_naming(ValueError, *words):
        split_clips(rows, *arguments, seed=0)


def test_a_share_of_every_class_is_kept_and_the_other_splits_stay_whole():
    rows = split_clips(make_splits(), "validation", 0.1, seed=0)  # 54, 27, 27, 18, 18, 2, 7 to train on
    counts = [list(rows["train"]["label"]).count(label) for label in range(7)]
    fifth, tenth = (keep_train_share(rows, share, seed=0) for share in (0.2, 0.1))
    assert [list(fifth["train"]["label"]).count(label) for label in range(7)] == [
        max(1, round(0.2 * count)) for count in counts
    ]
    assert set(tenth["train"]["clip_id"]) < set(fifth["train"]["clip_id"]) < set(rows["train"]["clip_id"])
    for split in ("validation", "test"):
        assert list(fifth[split]["clip_id"]) == list(rows[split]["clip_id"])
    assert keep_train_share(rows, 1.0, seed=0) is rows


def test_a_share_is_a_function_of_the_seed():
    kept = [list(keep_train_share(make_splits(), 0.2, seed)["train"]["clip_id"]) for seed in (0, 0, 1)]
    assert kept[0] == kept[1] and set(kept[0]) != set(kept[2])


def test_a_share_is_one_of_whole_people_where_they_are_known():
    rows = make_splits(counts=(50, 30, 30, 20, 20, 20, 30))
    people = [f"person {place % 20}" for place in range(200)]
    rows["train"] = rows["train"].add_column("identity", people)
    kept = keep_train_share(rows, 0.1, seed=0)["train"]
    assert len(set(kept["identity"])) == 2 and set(kept["label"]) == set(range(7))
    assert len(kept) == sum(person in set(kept["identity"]) for person in people)
    others = [keep_train_share(rows, 0.1, seed)["train"]["clip_id"][:] for seed in range(4)]
    assert others[0] == kept["clip_id"][:] and any(other != others[0] for other in others)


def test_one_person_may_be_a_share_though_nobody_else_has_every_class():
    rows = make_splits(counts=(4, 4, 4, 0, 0, 0, 0))
    rows["train"] = rows["train"].add_column("identity", ["a", "a", "b", "b", "a", "a", *["c"] * 2, *["a"] * 4])
    kept = keep_train_share(rows, 0.6, seed=0)["train"]
    assert set(kept["identity"]) == {"a"} and len(kept) == 8


def test_what_was_kept_before_is_kept_again():
    rows = make_splits()
    before = list(keep_train_share(rows, 0.2, seed=0)["train"]["clip_id"])
    rows["train"] = rows["train"].filter(lambda clip_id: clip_id != before[0], input_columns="clip_id")
    assert list(keep_train_share(rows, 0.2, 0, before)["train"]["clip_id"]) == before[1:]


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, float("nan")])
def test_a_share_out_of_its_range(share):
    with raises_naming(ValueError, "train_share", share):
        keep_train_share(make_splits(), share, seed=0)


def test_a_share_of_people_none_of_whom_has_every_class():
    rows = make_splits(counts=(4, 4, 4, 0, 0, 0, 0))
    rows["train"] = rows["train"].add_column("identity", [f"person {label}" for label in rows["train"]["label"]])
    with raises_naming(ValueError, "train_share", "3 people"):
        keep_train_share(rows, 0.3, seed=0)


def test_a_clip_that_two_folds_test_is_named_with_both():
    folds = {1: clip_rows(["a.mp4", "b.mp4"], prefix="x"), 3: clip_rows(["a.mp4"], prefix="x")}
    check_tested_once({1: folds[1], 3: clip_rows(["a.mp4"], prefix="y")})
    with raises_naming(ValueError, "x0 (folds 1, 3)"):
        check_tested_once(folds)
