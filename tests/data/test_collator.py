import torch
from errors import raises_naming

from logoformer_hf.data.collator import collate_clips


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
