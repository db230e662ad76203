"""What a model computes once a frame and once a window."""

import numpy as np
import pytest
import torch
import video_models
from errors import raises_naming
from toys import new_model
from transformers import VideoMAEVideoProcessor

from logoformer_hf import LogoFormerConfig, LogoFormerVideoProcessor
from logoformer_hf.timeline.tokens import FrameModel


def crops_of(number, side_px, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (number, side_px, side_px, 3), dtype=np.uint8))


def expected_logits(kind, clips):
    """By the model and its own processor, as they are."""
    model, processor = video_models.make_model(kind).eval(), video_models.KINDS[kind][1]()
    inputs = processor([torch.from_numpy(clip).permute(0, 3, 1, 2) for clip in clips], do_sample_frames=False)
    pixel_values = {name: torch.as_tensor(np.array(value)) for name, value in inputs.items()}
    with torch.inference_mode():
        return model(**pixel_values).logits.numpy()


@pytest.mark.parametrize("kind", video_models.KINDS)
def test_every_kind_of_model_gets_what_its_processor_gives(kind):
    model = FrameModel(video_models.make_model(kind).eval(), video_models.KINDS[kind][1]())
    assert model.num_frames == video_models.KINDS[kind][2]
    assert model.reuses_tokens == (kind == "logoformer")
    clips = [np.stack(crops_of(model.num_frames, model.side_px, seed)) for seed in range(2)]
    frames = [model.encode(list(clip)) for clip in clips]
    assert np.abs(model.logits(frames) - expected_logits(kind, clips)).max() < 1e-5


def test_tokens_are_reused_by_windows_and_do_not_depend_on_their_batch():
    model = FrameModel(video_models.make_model("logoformer").eval(), video_models.KINDS["logoformer"][1]())
    crops = crops_of(9, model.side_px)
    tokens = model.encode(crops)
    alone = [model.encode([crop])[0] for crop in crops]
    assert max((one - other).abs().max() for one, other in zip(tokens, alone, strict=True)) < 1e-5
    windows = [tokens[first : first + 6] for first in range(4)]
    expected = expected_logits("logoformer", [np.stack(crops[first : first + 6]) for first in range(4)])
    assert np.abs(model.logits(windows) - expected).max() < 1e-5


def test_without_reuse_the_windows_are_clips():
    make = video_models.KINDS["logoformer"][1]
    reusing = FrameModel(video_models.make_model("logoformer").eval(), make())
    whole = FrameModel(video_models.make_model("logoformer").eval(), make(), reuse_tokens=False)
    crops = crops_of(6, reusing.side_px)
    assert whole.encode(crops)[0].dtype == torch.uint8
    assert np.abs(whole.logits([whole.encode(crops)]) - reusing.logits([reusing.encode(crops)])).max() < 1e-5


def test_kept_tokens_do_not_keep_their_batch():
    model = FrameModel(video_models.make_model("logoformer").eval(), video_models.KINDS["logoformer"][1]())
    tokens = model.encode(crops_of(9, model.side_px))[0]
    assert tokens.untyped_storage().nbytes() == tokens.numel() * 4


def test_an_odd_number_of_frames():
    model = FrameModel(new_model(LogoFormerConfig.tiny(image_size=32, num_frames=5)), LogoFormerVideoProcessor())
    assert model.positions(6) == [0, 1, 2, 3, 4] and model.positions(2) == [0, 0, 1, 1, 1]


def test_a_processor_whose_frames_are_not_square_is_refused():
    processor = VideoMAEVideoProcessor(crop_size={"height": 32, "width": 48})
    with raises_naming(ValueError, "VideoMAEVideoProcessor", 48, "square"):
        FrameModel(video_models.make_model("videomae").eval(), processor)
