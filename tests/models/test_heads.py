"""Output layers follow the meaning of their labels."""

import pytest
import torch
from errors import raises_naming
from torch import nn
from toys import toy_model
from transformers import AutoConfig, VideoMAEConfig, VideoMAEForVideoClassification
from video_models import KINDS, SHARED, make_model, save

from logoformer_hf.models.heads import (
    get_temperature,
    known_labels,
    number_labels,
    output_layer,
    set_labels,
    set_temperature,
)
from logoformer_hf.models.inputs import model_inputs
from logoformer_hf.models.loading import load_model, load_trained_model


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_the_classifier_move_with_their_label(kind, tmp_path):
    save(tmp_path, kind, ["Anger", "contempt", "Happiness", "Sad"])
    before, processor, _ = load_trained_model(tmp_path, ["contempt", "sad"])
    model, _, _ = load_model(tmp_path, ["happy", "bored", "angry"])
    assert model.config.id2label == {0: "happy", 1: "bored", 2: "angry"}
    assert model.config.label2id == {"happy": 0, "bored": 1, "angry": 2}
    assert model.config.num_labels == model.num_labels == 3

    frames = torch.arange(KINDS[kind][2] * 3 * 32 * 32).view(1, -1, 3, 32, 32).remainder(251).to(torch.uint8)
    inputs = model_inputs(processor, frames)
    with torch.inference_mode():
        old, new = before.eval()(**inputs).logits, model.eval()(**inputs).logits
    torch.testing.assert_close(new[:, [0, 2]], old[:, [2, 0]])


def test_labels_are_known_by_their_meaning():
    model = make_model("videomae", ["Anger", "contempt", "Happiness"])
    assert known_labels(model, ["happy", "bored", "angry", "Contempt"]) == {"happy": 2, "angry": 0, "Contempt": 1}


def test_names_of_the_same_meaning_are_refused():
    model = make_model("videomae", ["happy", "Happiness", "sad"])
    with raises_naming(ValueError, "'happy'", "'Joy'"):
        known_labels(make_model("videomae"), ["happy", "sad", "Joy"])
    with raises_naming(ValueError, "'happy'", "'Happiness'"):
        known_labels(model, ["happy", "sad"])
    assert known_labels(model, ["sad", "fear"]) == {"sad": 2}  # the two of the same meaning are not asked for


def test_a_new_layer_has_the_dtype_and_the_weights_that_were_known():
    model = toy_model().to(torch.bfloat16)
    before = output_layer(model).weight.detach().clone()
    set_labels(model, ["fear", "awe"], known={"fear": 6})
    layer = output_layer(model)
    assert layer.weight.dtype == torch.bfloat16 and layer.weight.requires_grad
    assert torch.equal(layer.weight[0], before[6])
    assert layer.weight[1].abs().max() > 0 and not torch.equal(layer.weight[1], before[6])


@pytest.mark.parametrize("kind", KINDS)
def test_a_temperature_travels_with_any_model_and_ends_with_its_output_layer(kind, tmp_path):
    names = ["angry", "happy", "sad"]
    save(tmp_path / "plain", kind, names)
    plain, processor, _ = load_trained_model(tmp_path / "plain", names)
    assert get_temperature(plain) is None
    set_temperature(plain, None)
    # Without a temperature the configuration of another model stays as its library writes it.
    assert ("score_temperature" in plain.config.to_dict()) == (kind == "logoformer")

    set_temperature(plain, 1.75)
    plain.save_pretrained(tmp_path / "calibrated")
    processor.save_pretrained(tmp_path / "calibrated")
    loaded, _, _ = load_trained_model(tmp_path / "calibrated", names)
    assert loaded.config.score_temperature == get_temperature(loaded) == 1.75
    fine_tuned, _, _ = load_model(tmp_path / "calibrated", names)
    assert get_temperature(fine_tuned) is None
    fine_tuned.save_pretrained(tmp_path / "again")
    assert AutoConfig.from_pretrained(tmp_path / "again").score_temperature is None


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "2", True, [1.5]])
def test_a_temperature_that_is_none_is_named(value):
    model = make_model("videomae")
    model.config.score_temperature = value
    with raises_naming(ValueError, "score_temperature", "videomae", repr(value), "more than 0"):
        get_temperature(model)


def test_labels_that_make_no_classifier_are_refused():
    for names in (["sad"], ["sad", "sad"], []):
        with raises_naming(ValueError, "label_names", names):
            set_labels(toy_model(), names, known={})


def test_an_output_that_is_no_linear_layer_is_named():
    model = VideoMAEForVideoClassification(VideoMAEConfig(num_labels=0, **SHARED, intermediate_size=32))
    for ask in (output_layer, lambda model: set_labels(model, ["happy", "sad"], known={})):
        with raises_naming(ValueError, "VideoMAEForVideoClassification", "Identity", "classifier"):
            ask(model)
    with raises_naming(ValueError, "Linear", "classifier", "NoneType"):
        output_layer(nn.Linear(2, 2))


def test_numbers_of_labels():
    assert number_labels(["sad", "happy"]) == {
        "id2label": {0: "sad", 1: "happy"},
        "label2id": {"sad": 0, "happy": 1},
    }
