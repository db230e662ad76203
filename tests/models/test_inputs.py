"""One way of reading for every model: bit for bit what its own processor gives."""

import pytest
import torch
from errors import raises_naming
from transformers import AutoVideoProcessor, VideoMAEVideoProcessor
from video_models import KINDS, SQUARE

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.models.inputs import clip_frames, model_inputs, reading_processor
from logoformer_hf.models.loading import load_model


@pytest.mark.parametrize("kind", KINDS)
def test_clips_are_read_as_the_models_own_processor_says(kind, saved, videos):
    """Bit for bit the pixel values that the processor gives for the same frames, as files at their own size."""
    model, processor, _ = load_model(saved[kind], EXPRESSIONS)
    reading = reading_processor(processor, model)
    num_frames = KINDS[kind][2]
    keep_all = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    frames = reading(videos, **keep_all)["pixel_values"]
    assert clip_frames(model) == num_frames
    assert (reading is processor) == (kind == "logoformer")
    assert frames.dtype == torch.uint8 and frames.shape == (3, num_frames, 3, 32, 32)
    inputs = model_inputs(processor, frames)

    untouched = reading(videos, do_resize=False, do_center_crop=False, **keep_all)["pixel_values"]
    expected = AutoVideoProcessor.from_pretrained(saved[kind])(
        list(untouched), do_sample_frames=False, return_tensors="pt"
    )
    assert set(inputs) == set(expected) == {model.main_input_name}
    assert torch.equal(inputs[model.main_input_name], expected[model.main_input_name])
    assert inputs[model.main_input_name].dtype == torch.float32
    # Training crops at random instead, to the same size.
    transforms = TrainingTransforms(reading.crop_size["height"])
    assert transforms(untouched[0], seed=0).shape == (num_frames, 3, 32, 32)


def test_reading_draws_nothing_from_the_global_generator(saved):
    model, processor, _ = load_model(saved["videomae"], EXPRESSIONS)
    state = torch.get_rng_state()
    reading_processor(processor, model)
    assert torch.equal(torch.get_rng_state(), state)


class Inverting(VideoMAEVideoProcessor):
    def _preprocess(self, videos, **kwargs):
        return super()._preprocess([255 - video for video in videos], **kwargs)


def test_processors_that_cannot_be_followed_are_refused(saved):
    model = load_model(saved["videomae"], EXPRESSIONS)[0]
    with raises_naming(ValueError, "Inverting"):
        reading_processor(Inverting(**SQUARE), model)
    for settings, words in (
        ({"crop_size": {"height": 32, "width": 48}}, ["32", "48"]),
        ({"do_center_crop": False, "size": {"shortest_edge": 32}}, ["shortest_edge", "32"]),
    ):
        with raises_naming(ValueError, "VideoMAEVideoProcessor", *words):
            reading_processor(VideoMAEVideoProcessor(**settings), model)
