"""Models to train and compare: tiny random ones of each kind, saved with their own processors."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from errors import check_named, raises_naming
from safetensors.torch import load_file, save_file
from transformers import BertConfig, VideoMAEConfig, VideoMAEForPreTraining
from video_models import KINDS, SHARED, make_model, save

from logoformer_hf import EXPRESSIONS
from logoformer_hf.models.heads import number_labels
from logoformer_hf.models.inputs import reading_processor
from logoformer_hf.models.loading import load_model, load_trained_model, new_model

# --- new models


def test_new_models():
    model, processor, sentence = new_model("tiny", ["sad", "happy"], {"image_size": 32, "num_frames": 4})
    assert model.config.id2label == {0: "sad", 1: "happy"} and model.config.hidden_size == 64
    assert (processor.num_frames, processor.size["shortest_edge"], processor.crop_size["height"]) == (4, 32, 32)
    check_named(sentence, "LOGO-Former tiny")
    assert new_model("small", EXPRESSIONS)[0].config.hidden_size == 256
    assert reading_processor(processor, model) is processor


def test_a_pretrained_frame_encoder_brings_its_normalisation(tmp_path):
    weights = new_model("tiny", EXPRESSIONS)[0].logoformer.backbone.state_dict()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}')
    model, processor, sentence = new_model("tiny", EXPRESSIONS, backbone_checkpoint=tmp_path)
    assert processor.image_mean == [0.1, 0.2, 0.3]
    check_named(sentence, "LOGO-Former tiny", tmp_path)
    loaded = model.logoformer.backbone.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in weights.items())


# --- saved models


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_loaded_is_said(kind, tmp_path):
    save(tmp_path, kind, ["Anger", "contempt", "Happiness", "Sad"])
    sentence = load_model(tmp_path, ["happy", "bored", "angry"])[2]
    check_named(sentence, tmp_path, kind, KINDS[kind][2], "happy", "'Happiness'", "angry", "'Anger'", "bored")


def test_an_image_processors_file_will_do(saved, tmp_path):
    """Checkpoints from before there were video processors have none."""
    settings = json.loads((saved["videomae"] / "video_preprocessor_config.json").read_text())
    del settings["video_processor_type"]
    settings |= {"image_processor_type": "VideoMAEImageProcessor", "image_mean": [0.1, 0.2, 0.3]}
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((saved["videomae"] / name).read_bytes())
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    model, processor, _ = load_model(tmp_path, EXPRESSIONS)
    assert tuple(processor.image_mean) == (0.1, 0.2, 0.3)
    assert reading_processor(processor, model).crop_size["height"] == 32


def test_a_checkpoint_without_a_classifier_gets_one(tmp_path):
    decoder = {f"decoder_{name}": value for name, value in (SHARED | {"intermediate_size": 32}).items()}
    names = number_labels(["happy", "sad"])  # a configuration can name classes that no weights were trained for
    config = VideoMAEConfig(image_size=32, num_frames=4, intermediate_size=32, **SHARED, **decoder, **names)
    VideoMAEForPreTraining(config).save_pretrained(tmp_path)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    model, _, sentence = load_model(tmp_path, ["happy", "sad"])
    check_named(sentence, tmp_path, "videomae", "happy, sad")
    assert model.classifier.weight.abs().max() > 0 and not model.classifier.bias.any()
    with raises_naming(ValueError, tmp_path, "videomae", "--model_name_or_path"):
        load_trained_model(tmp_path, ["happy", "sad"])

    backbone = make_model("vjepa2", ["happy", "sad"]).vjepa2
    backbone.save_pretrained(tmp_path)
    KINDS["vjepa2"][1]().save_pretrained(tmp_path)
    model, _, sentence = load_model(tmp_path, ["happy", "sad"])
    check_named(sentence, tmp_path, "vjepa2", "happy, sad")
    loaded = model.vjepa2.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in backbone.state_dict().items())


def test_classes_of_a_data_set_are_found_by_name(saved, tmp_path):
    save(tmp_path, "videomae", ["angry", "Disgust", "Fear", "Happiness", "neutral", "sad", "Surprised"])
    assert load_trained_model(tmp_path, EXPRESSIONS)[2] == [3, 5, 4, 0, 6, 1, 2]
    assert load_trained_model(saved["vivit"], ["sadness", "Joy"])[2] == [1, 0]
    with raises_naming(ValueError, saved["logoformer"], "contempt, bored", "happy, sad", "fear"):
        load_trained_model(saved["logoformer"], ["happy", "contempt", "bored"])


@pytest.mark.parametrize("names", [["happy", "sad", "Joy"], ["sad"], ["sad", "sad"], []])
def test_labels_that_make_no_classifier_are_refused(saved, names):
    with pytest.raises(ValueError):
        load_model(saved["videomae"], names)


def test_what_is_no_video_classifier_is_named(saved, tmp_path):
    accepted = ["logoformer", "timesformer", "vjepa2"]
    BertConfig().save_pretrained(tmp_path)
    with raises_naming(ValueError, tmp_path, "bert", *accepted):
        load_model(tmp_path, EXPRESSIONS)
    (tmp_path / "config.json").write_text('{"model_type": "slowfast"}')
    with raises_naming(ValueError, tmp_path, "slowfast", *accepted):
        load_model(tmp_path, EXPRESSIONS)
    with raises_naming(ValueError, saved["vivit"] / "model.safetensors", "--backbone_checkpoint"):
        load_model(saved["vivit"] / "model.safetensors", EXPRESSIONS)
    with raises_naming(OSError, "/nowhere/model"):
        load_model("/nowhere/model", EXPRESSIONS)


def test_a_missing_processor_or_backbone_is_named(tmp_path):
    model = make_model("videomae")
    model.save_pretrained(tmp_path)
    with raises_naming(OSError, tmp_path, "video_preprocessor_config.json"):
        load_model(tmp_path, EXPRESSIONS)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    weights = {name: tensor for name, tensor in model.state_dict().items() if "patch_embeddings" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    with raises_naming(ValueError, tmp_path, "2", "videomae.embeddings.patch_embeddings"):
        load_model(tmp_path, EXPRESSIONS)


def test_weights_are_float32_whatever_the_file_holds(tmp_path):
    make_model("videomae").to(torch.float16).save_pretrained(tmp_path)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    assert load_model(tmp_path, EXPRESSIONS)[0].dtype == torch.float32


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_damaged_weights_are_named(tmp_path, share):
    model, processor, _ = new_model("tiny", ["sad", "happy"], {"image_size": 32, "num_frames": 4})
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: int(share * weights.stat().st_size)])
    with raises_naming(ValueError, tmp_path, "weights", "damaged"):
        load_trained_model(tmp_path, ["sad", "happy"])


# --- models of others


@pytest.fixture
def folder(tiny_folder, tmp_path) -> Path:
    """A saved model to change."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def change_json(file: Path, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


REFERENCES = {
    "custom_pipelines": {"video-classification": {"impl": "evil.Pipeline", "pt": ["AutoModel"]}},
    "auto_map": {"AutoConfig": "someone/evil--evil.Config", "AutoModelForVideoClassification": "evil.Model"},
    "note": "someone/evil--evil.Class",
}


def test_references_to_code_are_dropped_and_not_saved_again(folder, tmp_path):
    config, settings = folder / "config.json", folder / "video_preprocessor_config.json"
    encoder = json.loads(config.read_text())["backbone_config"]
    change_json(config, **REFERENCES, backbone_config=encoder | REFERENCES)
    change_json(settings, **REFERENCES)
    model, processor, _ = load_model(folder, EXPRESSIONS)
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    for name in ("config.json", "video_preprocessor_config.json"):
        text = (tmp_path / "saved" / name).read_text()
        assert "evil" not in text and "custom_pipelines" not in text and "someone" not in text
        assert "_logoformer." in text  # its own references stay
    again = load_model(tmp_path / "saved", EXPRESSIONS)[0]
    clip = torch.zeros(1, 16, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(model.eval()(clip).logits, again.eval()(clip).logits)


def test_references_of_other_kinds_of_models_are_dropped(saved, tmp_path):
    for file in saved["videomae"].iterdir():
        shutil.copy(file, tmp_path)
    change_json(tmp_path / "config.json", **REFERENCES)
    model, _, _ = load_model(tmp_path, EXPRESSIONS)
    model.save_pretrained(tmp_path / "saved")
    assert "evil" not in (tmp_path / "saved" / "config.json").read_text()


@pytest.mark.parametrize("kind", ["logoformer", "videomae"])
def test_kernels_of_others_are_refused(folder, saved, tmp_path, kind):
    if kind == "videomae":
        folder = Path(shutil.copytree(saved["videomae"], tmp_path / "videomae"))
    for name in ("_attn_implementation", "attn_implementation"):
        changed = Path(shutil.copytree(folder, tmp_path / name))
        change_json(changed / "config.json", **{name: "someone/kernels"})
        for load in (load_model, load_trained_model):
            with raises_naming(ValueError, changed, "someone/kernels", "sdpa"):
                load(changed, EXPRESSIONS)


@pytest.mark.parametrize("code", ["evil.Config", "somebody/else--evil.Config"])
def test_an_unknown_kind_never_asks_to_run_code(folder, monkeypatch, code):
    monkeypatch.setattr("builtins.input", lambda *question: pytest.fail(f"asked: {question}"))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    change_json(folder / "config.json", model_type="evil", auto_map={"AutoConfig": code})
    for load in (load_model, load_trained_model):
        with raises_naming(ValueError, folder, "model_type", "'evil'", "videomae") as raised:
            load(folder, EXPRESSIONS)
        assert "trust_remote_code" not in str(raised.value)


def test_a_processor_of_an_unknown_kind_never_asks_to_run_code(folder, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *question: pytest.fail(f"asked: {question}"))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    change_json(
        folder / "video_preprocessor_config.json",
        video_processor_type="Evil",
        auto_map={"AutoVideoProcessor": "evil.Processor"},
    )
    try:
        processor = load_model(folder, EXPRESSIONS)[1]
    except ValueError as error:
        check_named(str(error), folder, "video_preprocessor_config.json")
        assert "trust_remote_code" not in str(error)
    else:  # the library takes the processor that belongs to the kind of the model
        assert type(processor).__name__ == "LogoFormerVideoProcessor"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "[" * 3000, '{"model_type": ["logoformer"]}', '{"model_type": "logoformer", "a": NaN'],
)
def test_a_damaged_configuration_is_named(folder, text):
    (folder / "config.json").write_text(text)
    with pytest.raises((ValueError, OSError)) as error:
        load_model(folder, EXPRESSIONS)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    "values", [{"hidden_size": "64"}, {"num_hidden_layers": 10**12}, {"id2label": {"0": None}}, {"window_size": "ab"}]
)
def test_impossible_values_are_named_with_the_folder(folder, values):
    change_json(folder / "config.json", **values)
    with raises_naming(ValueError, folder, "config.json", next(iter(values))):
        load_model(folder, EXPRESSIONS)


@pytest.mark.parametrize("value", ["no attention of anybody", "stage_names"])
def test_values_that_only_building_the_model_refuses(folder, value):
    """Found with mutated configurations: the library's own errors came through, without the file."""
    if value == "stage_names":
        backbone = json.loads((folder / "config.json").read_text())["backbone_config"]
        change_json(folder / "config.json", backbone_config=backbone | {"stage_names": ["stem"]})
    else:
        change_json(folder / "config.json", attn_implementation=value.replace(" ", "_"))
    with raises_naming(ValueError, folder / "config.json"):
        load_model(folder, EXPRESSIONS)


class TestWeights:
    def test_another_shape(self, folder):
        weights = load_file(folder / "model.safetensors")
        weights["logoformer.layernorm.weight"] = torch.zeros(3)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        with raises_naming(ValueError, folder / "model.safetensors", "logoformer.layernorm.weight", "(3,)", "(64,)"):
            load_model(folder, EXPRESSIONS)

    def test_a_configuration_of_another_size_takes_no_memory_for_it(self, folder):
        change_json(folder / "config.json", hidden_size=4096, intermediate_size=16_384)
        with raises_naming(ValueError, folder / "model.safetensors", "shape"):
            load_model(folder, EXPRESSIONS)

    @pytest.mark.parametrize(
        "name", ["logoformer.layernorm.weight", "logoformer.backbone.embedder.embedder.normalization.running_var"]
    )
    def test_missing_tensors(self, folder, name):
        weights = load_file(folder / "model.safetensors")
        del weights[name]
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        with raises_naming(ValueError, folder, "model.safetensors", name):
            load_model(folder, EXPRESSIONS)

    @pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00.", bytes(8), b"\xff" * 100, b"PK\x03\x04" + bytes(500)])
    def test_a_pickle_or_anything_else_under_the_name(self, folder, content):
        (folder / "model.safetensors").write_bytes(content)
        with raises_naming(ValueError, folder / "model.safetensors"):
            load_model(folder, EXPRESSIONS)

    @pytest.mark.parametrize(
        "index", ["", "[]", "{}", '{"weight_map": {"a": "../model.safetensors"}}', '{"weight_map": {"a": "none"}}']
    )
    def test_a_wrong_index(self, folder, index):
        (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
        (folder / "model.safetensors.index.json").write_text(index)
        with raises_naming(ValueError, folder / "model.safetensors.index.json"):
            load_model(folder, EXPRESSIONS)
