import torch
from errors import raises_naming

from logoformer_hf.data.collator import collate_as_decoded, collate_clips, join_batches

CPU = torch.device("cpu")


def test_a_batch_stays_uint8_up_to_the_device():
    clips = [{"frames": torch.full((4, 3, 8, 8), value, dtype=torch.uint8), "label": value} for value in (3, 0)]
    batch = collate_clips(clips)
    assert set(batch) == {"frames", "labels"}
    assert batch["frames"].shape == (2, 4, 3, 8, 8) and batch["frames"].dtype == torch.uint8
    assert batch["frames"][:, 0, 0, 0, 0].tolist() == [3, 0]
    assert batch["labels"].tolist() == [3, 0] and batch["labels"].dtype == torch.int64


def test_clips_that_do_not_fit_are_named_by_their_shapes():
    clips = [{"frames": torch.zeros(count, 3, 8, 8, dtype=torch.uint8), "label": 0} for count in (4, 5)]
    with raises_naming(ValueError, "(4, 3, 8, 8)", "(5, 3, 8, 8)"):
        collate_clips(clips)


def named(number: int, **further) -> dict:
    return {"frames": torch.full((2, 3, 4, 4), number), "label": number, "clip_id": f"clip {number}"} | further


def test_parts_are_the_batch_that_they_are_parts_of():
    clips = [named(0), named(1, problem="it is empty"), named(2), named(3, problem="it is broken"), named(4)]
    whole = collate_clips(clips)
    joined = join_batches([collate_clips(clips[:2]), collate_clips(clips[2:3]), collate_clips(clips[3:])], CPU)
    assert list(joined) == list(whole)
    for name, value in whole.items():
        is_same = torch.equal(joined[name], value) if isinstance(value, torch.Tensor) else joined[name] == value
        assert is_same, name
    assert joined["frames"].is_contiguous()
    without_names = [{"frames": torch.zeros(1, 3, 4, 4), "label": 0}]
    assert set(join_batches([collate_clips(without_names)] * 2, CPU)) == {"frames", "labels"}


def test_parts_in_the_order_of_decoded_frames_are_the_same_batch():
    generator = torch.Generator().manual_seed(0)
    clips = [
        {"frames": torch.randint(0, 256, (4, 5, 6, 3), dtype=torch.uint8, generator=generator), "label": label}
        for label in range(3)
    ]
    clips = [clip | {"frames": clip["frames"].permute(0, 3, 1, 2)} for clip in clips]
    part = collate_as_decoded(clips[:2])
    assert part["frames"].shape == (2, 4, 5, 6, 3) and part["frames"].is_contiguous()
    joined, whole = join_batches([part, collate_as_decoded(clips[2:])], CPU, True), collate_clips(clips)
    assert torch.equal(joined["frames"], whole["frames"]) and joined["frames"].stride() == whole["frames"].stride()
    assert torch.equal(joined["labels"], whole["labels"])


def test_parts_that_do_not_fit_are_named_by_the_shapes_of_their_clips():
    parts = [collate_clips([{"frames": torch.zeros(count, 3, 8, 8), "label": 0}] * 2) for count in (4, 5)]
    with raises_naming(ValueError, "(4, 3, 8, 8)", "(5, 3, 8, 8)"):
        join_batches(parts, CPU)
