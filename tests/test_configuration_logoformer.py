import json
from pathlib import Path

import pytest
import torch
from errors import raises_naming
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, ConvNextConfig, ResNetConfig

from logoformer_hf import EXPRESSIONS, LogoFormerConfig, LogoFormerForVideoClassification
from logoformer_hf.configuration_logoformer import AUTO_MAP, OLD_VALUES, backbone_weights


def test_defaults_are_the_base_model():
    config = LogoFormerConfig()
    assert (config.num_frames, config.image_size, config.num_channels) == (16, 112, 3)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (512, 4, 8)
    assert (config.intermediate_size, config.drop_path_rate) == (2048, 0.1)
    assert config.grid_size == 7
    assert config.backbone_config.depths == [2, 2, 2]  # ResNet-18 without its fourth stage
    assert config.backbone_config.out_features == ["stage3"]
    assert tuple(config.id2label.values()) == EXPRESSIONS
    assert config.label2id["fear"] == 6


def test_named_sizes_take_overrides():
    assert LogoFormerConfig.small().hidden_size == 256
    tiny = LogoFormerConfig.tiny(num_hidden_layers=3, window_size=(2, 2, 2))
    assert (tiny.hidden_size, tiny.num_hidden_layers, tiny.window_size) == (64, 3, (2, 2, 2))


def test_saved_and_loaded_it_is_the_same(tmp_path):
    config = LogoFormerConfig.tiny(window_size=(8, 4, 4), use_global_attention=False, num_labels=5)
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is LogoFormerConfig
    differing = {key for key, value in config.to_dict().items() if loaded.to_dict()[key] != value}
    assert differing <= {"_name_or_path", "transformers_version", "backbone_config"}  # where it lies, who wrote it
    assert loaded.backbone_config.hidden_sizes == config.backbone_config.hidden_sizes
    assert loaded.window_size == (8, 4, 4)
    assert loaded.num_labels == 5


def test_the_temperature_travels_and_older_files_have_none(tmp_path):
    LogoFormerConfig.tiny(score_temperature=1.75).save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).score_temperature == 1.75
    file = tmp_path / "config.json"
    fields = json.loads(file.read_text())
    del fields["score_temperature"]
    file.write_text(json.dumps(fields))
    assert AutoConfig.from_pretrained(tmp_path).score_temperature is None
    file.write_text(json.dumps(fields | {"score_temperature": float("nan")}))
    with raises_naming(ValueError, file, "score_temperature", "nan"):
        AutoConfig.from_pretrained(tmp_path)


def test_a_file_of_an_older_model_means_what_it_meant(tmp_path):
    file = tmp_path / "config.json"
    file.write_text('{"model_type": "logoformer", "hidden_size": 64}')
    for config in (LogoFormerConfig.from_json_file(file), LogoFormerConfig.from_pretrained(tmp_path)):
        assert config.hidden_size == 64
        assert {name: getattr(config, name) for name in OLD_VALUES} == OLD_VALUES
    LogoFormerConfig().to_json_file(file, use_diff=False)
    new = LogoFormerConfig.from_json_file(str(file))
    assert new.to_dict() == LogoFormerConfig().to_dict() and new.resample_partial_windows is True


def test_new_label_sets():
    assert LogoFormerConfig(num_labels=3).id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    config = LogoFormerConfig(id2label={0: "calm", 1: "contempt"}, label2id={"calm": 0, "contempt": 1})
    assert config.num_labels == 2


def test_any_backbone_of_one_feature_map():
    backbone = ConvNextConfig(depths=[1, 1], hidden_sizes=[8, 16], num_stages=2, out_features=["stage2"])
    assert LogoFormerConfig(backbone_config=backbone.to_dict(), feature_stride=8).backbone_config.hidden_sizes == [
        8,
        16,
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_size": "512"}, ["hidden_size", "512", "int"]),
        ({"hidden_size": True}, ["hidden_size", "True", "int"]),
        ({"use_local_attention": "no"}, ["use_local_attention", "no", "bool"]),
        ({"drop_path_rate": None}, ["drop_path_rate", "None", "float"]),
        ({"window_size": "4x4x4"}, ["window_size", "4x4x4"]),
        ({"window_size": (4, 4)}, ["window_size", "(4, 4)"]),
        ({"window_size": (4, 0, 4)}, ["window_size", "(4, 0, 4)"]),
        ({"summary_size": (4, 4)}, ["summary_size", "(4, 4)"]),
        ({"summary_size": (0, 4, 4)}, ["summary_size", "(0, 4, 4)"]),
        ({"num_frames": 0}, ["num_frames", "0", "1"]),
        ({"image_size": -112}, ["image_size", "-112", "1"]),
        ({"num_attention_heads": 7}, ["hidden_size", "512", "num_attention_heads", "7"]),
        ({"hidden_dropout_prob": 1.0}, ["hidden_dropout_prob", "1.0"]),
        ({"attention_probs_dropout_prob": -0.1}, ["attention_probs_dropout_prob", "-0.1"]),
        ({"score_temperature": 0.0}, ["score_temperature", "0.0", "None", "more than 0"]),
        ({"score_temperature": -1.5}, ["score_temperature", "-1.5"]),
        ({"score_temperature": float("inf")}, ["score_temperature", "inf", "finite"]),
        ({"score_temperature": float("nan")}, ["score_temperature", "nan", "finite"]),
        ({"score_temperature": True}, ["score_temperature", "True"]),
        ({"score_temperature": "1.5"}, ["score_temperature", "1.5", "float"]),
        ({"hidden_act": "swoosh"}, ["hidden_act", "swoosh", "gelu"]),
        ({"num_channels": 1, "backbone_config": ResNetConfig(out_features=["stage1"])}, ["num_channels", "1", "3"]),
        ({"backbone_config": ResNetConfig(out_features=["stage1", "stage2"])}, ["out_features", "stage2"]),
        ({"backbone_config": {"depths": [1]}}, ["backbone_config", "model_type"]),
        ({"backbone_config": {"model_type": "bert"}}, ["backbone_config", "out_features"]),
        ({"backbone_config": {"model_type": "resnot"}}, ["backbone_config", "resnot"]),
    ],
)
def test_impossible_values_name_field_value_and_what_is_accepted(settings, words):
    with raises_naming((StrictDataclassError, ValueError), *words):
        LogoFormerConfig(**settings)


def test_a_value_is_checked_when_it_is_set_later():
    config = LogoFormerConfig()
    with raises_naming(StrictDataclassError, "num_frames"):
        config.num_frames = "sixteen"
    with raises_naming(StrictDataclassError, "score_temperature"):
        config.score_temperature = "hot"


# Configurations of others


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"hidden_size": 10**8}, "hidden_size"),
        ({"hidden_size": 16_384, "num_hidden_layers": 256}, "weights"),
        ({"num_attention_heads": 512}, "num_attention_heads"),
        ({"intermediate_size": 10**9}, "intermediate_size"),
        ({"num_frames": 10**9}, "num_frames"),
        ({"image_size": 10**6}, "image_size"),
        ({"image_size": 4_096, "feature_stride": 1}, "feature_stride"),
        ({"num_channels": 10**6}, "num_channels"),
        ({"window_size": (10**9, 2, 2)}, "window_size"),
        ({"summary_size": (10**9, 2, 2)}, "summary_size"),
        ({"num_labels": 10**9}, "num_labels"),
        ({"num_labels": "many"}, "num_labels"),
        ({"id2label": {number: "x" for number in range(10_001)}}, "id2label"),
        ({"id2label": {0: "a", 2: "b"}}, "id2label"),
        ({"id2label": {0: "a", 1: 5}}, "id2label"),
        ({"id2label": ["a", "b"]}, "id2label"),
        ({"layer_norm_eps": float("nan")}, "layer_norm_eps"),
        ({"initializer_range": -1.0}, "initializer_range"),
        ({"backbone_config": {"model_type": "resnet", "num_labels": 10**9}}, "backbone_config"),
        ({"backbone_config": {"model_type": "resnet", "hidden_sizes": [10**9] * 3}}, "backbone_config"),
        ({"backbone_config": {"model_type": "resnet", "hidden_sizes": [64] * 10**5}}, "backbone_config"),
        (
            {"backbone_config": {"model_type": "resnet", "hidden_sizes": [9000] * 3, "depths": [9] * 3}},
            "backbone_config",
        ),
        ({"backbone_config": {"model_type": "resnet", "hidden_sizes": [8] * 3, "depths": [100] * 3}}, "depths"),
        (
            {"backbone_config": {"model_type": "vitdet", "hidden_size": 8, "num_hidden_layers": 300}},
            "num_hidden_layers",
        ),
        (
            {"backbone_config": {"model_type": "dinov2", "num_hidden_layers": 10**5, "hidden_size": 768}},
            "backbone_config",
        ),
    ],
)
def test_what_no_model_has_is_refused_before_it_takes_memory(changes, named):
    with pytest.raises((ValueError, StrictDataclassError)) as error:
        LogoFormerConfig(**changes)
    assert named in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 1_024, "num_attention_heads": 16, "intermediate_size": 4_096, "num_hidden_layers": 24},
        {"num_frames": 64, "image_size": 448},
        {"num_labels": 700},
        {"window_size": (64, 8, 8)},
    ],
)
def test_large_models_are_no_error(changes):
    LogoFormerConfig(**changes)


def test_the_estimate_of_the_weights_is_near_the_truth():
    """Of the frame encoder, from whose kinds the limits for the others follow."""
    config = LogoFormerConfig()
    with torch.device("meta"):
        model = LogoFormerForVideoClassification(config)
    number = sum(weights.numel() for weights in model.logoformer.backbone.parameters())
    assert number / 2 < backbone_weights(config.backbone_config) < 2 * number


REFERENCES = {
    "auto_map": {"AutoConfig": "someone/evil--evil.Config", "AutoBackbone": "evil.Backbone"},
    "custom_pipelines": {"video-classification": {"impl": "evil.Pipeline", "pt": ["AutoModel"]}},
    "note": {"a": ["someone/evil--evil.Class"]},
    "odd": "someone/evil --evil.Class",
    "architectures": ["someone/evil--evil.Class"],
}


def changed_config(folder: Path, change) -> Path:
    """The file of a tiny configuration, with other values."""
    LogoFormerConfig.tiny().save_pretrained(folder)
    file = folder / "config.json"
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))
    return file


@pytest.mark.parametrize("load", [LogoFormerConfig.from_pretrained, AutoConfig.from_pretrained], ids=["own", "auto"])
def test_references_to_code_of_others_are_not_kept(tmp_path, load):
    def change(values):
        values["backbone_config"] |= REFERENCES | {"inner": dict(REFERENCES)}
        values |= REFERENCES

    file = changed_config(tmp_path, change)
    config = load(tmp_path)
    assert config.auto_map == AUTO_MAP and "evil" not in str(config.to_dict())
    config.save_pretrained(tmp_path)
    assert "evil" not in file.read_text() and json.loads(file.read_text())["auto_map"] == AUTO_MAP
    assert LogoFormerConfig.from_pretrained(tmp_path).backbone_config.hidden_sizes == [16, 32, 64]


def test_names_of_classes_are_no_references():
    config = LogoFormerConfig.tiny(id2label={0: "sad -- very", 1: "b"}, label2id={"sad -- very": 0, "b": 1})
    assert config.id2label[0] == "sad -- very"


def test_a_pipeline_of_ones_own_is_kept(tmp_path):
    """As `Pipeline.save_pretrained` sets it, for code that whoever saves has registered."""
    config = LogoFormerConfig.tiny()
    config.custom_pipelines = {"faces": {"impl": "own.Pipeline"}}
    config.save_pretrained(tmp_path)
    assert "own.Pipeline" in (tmp_path / "config.json").read_text()


KERNELS = ["someone/kernels", "paged|someone/kernels", "kernels/x:forward", "kernels/x@main", -1, ["eager"], "a b"]


@pytest.mark.parametrize("name", ["_attn_implementation", "attn_implementation", "experts_implementation"])
@pytest.mark.parametrize("value", [*KERNELS, {"": "someone/kernels"}, {"backbone_config": "someone/kernels"}])
def test_kernels_of_others_are_refused(tmp_path, name, value):
    changed_config(tmp_path, lambda values: values.__setitem__(name, value))
    for load in (LogoFormerConfig.from_pretrained, LogoFormerForVideoClassification.from_pretrained):
        with raises_naming(ValueError, f"`{name}`", "sdpa", "eager", "set_attn_implementation"):
            load(tmp_path)


@pytest.mark.parametrize("place", ["backbone_config", "per_layer_config", "note"])
def test_kernels_of_others_are_refused_wherever_they_stand(tmp_path, place):
    nested = {"_attn_implementation_internal": "someone/kernels"}
    changed_config(tmp_path, lambda values: values.__setitem__(place, {**values.get(place, {}), "a": [nested]}))
    with raises_naming(ValueError, "_attn_implementation_internal", "someone/kernels"):
        LogoFormerConfig.from_pretrained(tmp_path)


def test_kernels_of_others_are_refused_as_an_argument_too():
    for build in (
        lambda: LogoFormerConfig.tiny(attn_implementation="someone/kernels"),
        lambda: setattr(LogoFormerConfig.tiny(), "_attn_implementation", "someone/kernels"),
        lambda: LogoFormerConfig.tiny(backbone_config=ResNetConfig(attn_implementation="someone/kernels")),
    ):
        with raises_naming(ValueError, "someone/kernels"):
            build()


@pytest.mark.parametrize(
    "name", [None, "eager", "sdpa", "flash_attention_2", {"": "eager", "backbone_config": "sdpa"}]
)
def test_names_of_transformers_are_accepted(name):
    expected = name[""] if isinstance(name, dict) else name
    assert LogoFormerConfig.tiny(attn_implementation=name)._attn_implementation == expected


def test_fields_in_fields_without_end_are_refused(tmp_path):
    deep: dict = {}
    for _ in range(300):
        deep = {"a": deep}
    changed_config(tmp_path, lambda values: values.__setitem__("note", deep))
    with raises_naming(ValueError, "nested"):
        LogoFormerConfig.from_pretrained(tmp_path)
