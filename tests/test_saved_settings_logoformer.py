"""Settings of saved models that are damaged or wrong on purpose: one error, with the file and the field."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from errors import raises_naming
from toys import new_model, toy_config
from transformers import AutoConfig, AutoModel, AutoVideoProcessor, PreTrainedConfig
from without_package import run_without_package

from logoformer_hf import (
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerModel,
    LogoFormerVideoProcessor,
)
from logoformer_hf.models.loading import load_pretrained
from logoformer_hf.saved_settings_logoformer import PROCESSOR_FILES, error_of_field, place_of_settings

CONFIG, PROCESSOR = "config.json", "video_preprocessor_config.json"
HAS_LAYERS = hasattr(PreTrainedConfig, "per_layer_config")  # transformers 5.11 has no such field, and keeps it
HUGE = 10**400  # a number that Python reads, and that is no float


@pytest.fixture
def folder(tmp_path, tiny_folder) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def change(file: Path, **values) -> Path:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    return file


def no_settings():
    """Contents that hold no fields, by what is wrong with them."""
    return {
        "list": b"[]",
        "null": b"null",
        "number": b"5",
        "text": b'"x"',
        "nothing": b"",
        "cut off": b'{"num_frames": ',
        "nested list": b"[" * 100_000,
        "nested fields": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        "nested fields that JSON takes": b'{"a":' * 900 + b"1" + b"}" * 900,
        "digits": b'{"num_frames": ' + b"9" * 5_000 + b"}",
        "UTF-16": b"\xff\xfe" + '{"a": 1}'.encode("utf-16-le"),
        "ff fe": b"\xff\xfe",
        "BOM": b"\xef\xbb\xbf{}",
    }


@pytest.mark.parametrize("kind", no_settings())
@pytest.mark.parametrize(
    ("load", "name"),
    [
        (LogoFormerConfig.from_pretrained, CONFIG),
        (LogoFormerModel.from_pretrained, CONFIG),
        (LogoFormerVideoProcessor.from_pretrained, PROCESSOR),
        (load_pretrained, CONFIG),
        (load_pretrained, PROCESSOR),
    ],
    ids=["configuration", "model", "processor", "package, configuration", "package, processor"],
)
def test_a_file_without_fields(folder, load, name, kind):
    (folder / name).write_bytes(no_settings()[kind])
    with pytest.raises((ValueError, OSError)) as raised:
        load(folder)
    assert type(raised.value) in (ValueError, OSError)
    assert str(raised.value).startswith(str(folder / name)) or load is load_pretrained
    assert str(folder / name) in str(raised.value)


@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
def test_the_other_files_of_a_processor_are_named_too(folder, name):
    (folder / PROCESSOR).rename(folder / name)
    values = json.loads((folder / name).read_text())
    if name == "processor_config.json":
        (folder / name).write_text(json.dumps({"video_processor": values}))
        assert LogoFormerVideoProcessor.from_pretrained(folder).num_frames == values["num_frames"]
        (folder / name).write_text(json.dumps({"video_processor": [values]}))
    else:
        change(folder / name, size=[1])
    with raises_naming(ValueError, folder / name):
        LogoFormerVideoProcessor.from_pretrained(folder)
    (folder / name).write_text("5")
    with raises_naming((ValueError, OSError), folder / name):
        LogoFormerVideoProcessor.from_pretrained(folder)


CONFIG_VALUES = [
    *(("num_labels", value) for value in (None, -1, True, "7", HUGE)),
    *(("id2label", value) for value in ({"x": 2}, {"x": "y"}, {"0": 2}, [], {"-1": "a"}, {"\u0661": "a"})),
    *((name, value) for name in ("dtype", "torch_dtype") for value in (5, "evil", "int8", [], "float8_e4m3fn", "nn")),
    *(("hidden_act", value) for value in ("evil", 5, None)),
    *(("num_frames", value) for value in (None, "16", 0, HUGE, 1.5)),
    *(("backbone_config", value) for value in (5, [], {}, {"model_type": ["resnet"]})),
    *(("window_size", value) for value in ("4x4", [4, 4], [HUGE, 2, 2])),
    *(("drop_path_rate", value) for value in (HUGE, float("nan"))),
    *(("layer_norm_eps", value) for value in (HUGE, float("inf"))),
    *(("per_layer_config", value) for value in (5, {"a": 1}) if HAS_LAYERS),
    *(("rope_scaling", "x"), ("layer_types", 5)),
    *(("quantization_config", value) for value in (5, {}, {"quant_method": 5})),
    *(("transformers_weights", 5), ("transformers_weights", "weights.bin"), ("base_model_tp_plan", 5)),
    *((name, 5) for name in ("to_dict", "validate", "grid_size", "__class__", "attribute_map", "sub_configs")),
    *(("output_attentions", "x"), ("attn_implementation", 5), ("attn_implementation", "evil")),
    *((name, value) for name in ("output_attentions", "output_hidden_states") for value in (1, 0.001, [[1]], {})),
    *(("output_hidden_states", "x"), *(("return_dict", value) for value in ("no", 0, "", [], {}))),
]


@pytest.mark.parametrize(("field", "value"), CONFIG_VALUES, ids=str)
def test_wrong_values_of_a_configuration(folder, field, value):
    file = change(folder / CONFIG, **{field: value})
    for load in (LogoFormerModel.from_pretrained, AutoModel.from_pretrained):
        with raises_naming(ValueError, file, field.removeprefix("torch_")) as raised:
            load(folder)
        assert type(raised.value) is ValueError


@pytest.mark.parametrize("value", [[], {}, {"a": [1]}, 5, None], ids=str)
@pytest.mark.parametrize("load", [LogoFormerConfig.from_pretrained, LogoFormerForVideoClassification.from_pretrained])
def test_a_kind_of_model_that_is_no_text(folder, load, value):
    file = change(folder / CONFIG, model_type=value)
    with raises_naming(ValueError, file, "`model_type`", str(value), "logoformer"):
        load(folder)


@pytest.mark.parametrize("value", [False, None])
def test_a_model_that_returns_tuples(folder, value):
    """As the library has them; this package itself reads outputs by their names."""
    clip = torch.zeros(1, 4, 3, 32, 32)
    with torch.no_grad():
        expected = LogoFormerForVideoClassification.from_pretrained(folder).eval()(clip)
        change(folder / CONFIG, return_dict=value)
        model = LogoFormerForVideoClassification.from_pretrained(folder).eval()
        logits, embedding = model(clip)
        assert torch.equal(logits, expected.logits) and torch.equal(embedding, expected.embedding)
        assert torch.equal(model(clip, return_dict=True).logits, expected.logits)
        _, pooled = LogoFormerModel.from_pretrained(folder).eval()(clip, return_dict=False)
        assert torch.equal(pooled, expected.embedding)
        assert torch.equal(load_pretrained(folder)[0].eval()(clip).logits, expected.logits)


BACKBONE_VALUES = [
    *(("hidden_act", value) for value in ("evil", 5)),
    *(("dtype", "evil"), ("torch_dtype", 5), ("model_type", 5), ("model_type", "resnot")),
    *(("stage_names", ["stem"]), ("out_features", "x"), *[("per_layer_config", 5)] * HAS_LAYERS),
    *(("depths", 5), ("depths", []), ("depths", [0.5] * 3), ("hidden_sizes", [HUGE] * 3), ("layer_type", "x")),
    *(("to_dict", 5), ("return_dict", False), ("output_hidden_states", "x"), ("id2label", {"x": 1})),
]


@pytest.mark.parametrize(("field", "value"), BACKBONE_VALUES, ids=str)
def test_wrong_values_of_a_frame_encoder(folder, field, value):
    backbone = json.loads((folder / CONFIG).read_text())["backbone_config"]
    file = change(folder / CONFIG, backbone_config=backbone | {field: value})
    with raises_naming(ValueError, file, "backbone_config", field.removeprefix("torch_")) as raised:
        LogoFormerModel.from_pretrained(folder)
    assert type(raised.value) is ValueError


def test_a_frame_encoder_of_a_library_that_is_not_installed(folder):
    if importlib.util.find_spec("timm") is not None:
        pytest.skip("timm is installed")
    backbone = {"model_type": "timm_backbone", "backbone": "resnet18", "out_features": ["layer3"], "num_channels": 3}
    file = change(folder / CONFIG, backbone_config=backbone)
    with raises_naming(ValueError, file, "backbone_config", "timm"):
        LogoFormerModel.from_pretrained(folder)


PROCESSOR_VALUES = [
    *(("size", value) for value in ([1], [], "x", {"a": 1}, {"longest_edge": 64}, {"shortest_edge": HUGE})),
    *(("size", value) for value in ({"shortest_edge": 64, "longest_edge": 1}, {"min_pixels": 1, "max_pixels": 9})),
    *(("crop_size", value) for value in ([1], {"shortest_edge": 64}, {"height": 64}, {"height": 0, "width": 1})),
    *(("image_mean", value) for value in (HUGE, [HUGE] * 3, [0.5] * 2, "x", None, {})),
    *(("image_std", value) for value in (None, 0, [0.2, 0, 0.2], [1, "a", 1], HUGE)),
    *(("rescale_factor", value) for value in (None, "x", float("nan"), HUGE, [], 0)),
    *(("device", value) for value in ("x", 5, [], "meta", "cuda:x")),
    *(("resample", value) for value in (4, 5, 99, "bilinear", HUGE, [])),
    *(("num_frames", value) for value in (None, 0, "x", HUGE, 1.5, True)),
    *((name, "x") for name in ("do_resize", "do_normalize", "do_rescale", "do_sample_frames", "safe_decode")),
    *((name, [1]) for name in ("do_center_crop", "do_convert_rgb", "default_to_square", "return_metadata")),
    *(("fps", 5), ("generator", 5), ("input_data_format", "x"), ("return_tensors", "x"), ("frames_per_segment", 0)),
    *((name, 5) for name in ("preprocess", "resize", "to_dict", "backend", "valid_kwargs", "__class__", "__dict__")),
]


@pytest.mark.parametrize(("field", "value"), PROCESSOR_VALUES, ids=str)
def test_wrong_values_of_a_processor(folder, field, value):
    file = change(folder / PROCESSOR, **{field: value})
    for load in (LogoFormerVideoProcessor.from_pretrained, AutoVideoProcessor.from_pretrained):
        with raises_naming(ValueError, file, field) as raised:
            load(folder)
        assert type(raised.value) is ValueError


JUNK = [None, 5, -1, 0, True, HUGE, 1.5, float("nan"), "x", "", [], [1], ["x"], {}, {"a": 1}, 64, [64, 64], "pt", 4]


def test_a_processor_that_loads_reads_clips(folder):
    """Whatever a setting is: it is refused when the file is read, or the first clip gives finite pixels."""
    clip = np.zeros((20, 30, 40, 3), np.uint8)
    saved = json.loads((folder / PROCESSOR).read_text())
    num_loaded = 0
    for field in sorted({*saved, *LogoFormerVideoProcessor.valid_kwargs.__annotations__, "note", "processor_class"}):
        for value in JUNK:
            (folder / PROCESSOR).write_text(json.dumps(saved | {field: value}))
            try:
                processor = LogoFormerVideoProcessor.from_pretrained(folder)
            except ValueError as error:
                assert str(folder / PROCESSOR) in str(error) and field in str(error), (field, value, str(error))
                continue
            num_loaded += 1
            pixels = processor(clip, return_tensors="pt").pixel_values
            assert pixels.isfinite().all(), (field, value)
    assert num_loaded > 100


def test_fields_that_nobody_knows_are_kept(folder):
    for name in (CONFIG, PROCESSOR):
        change(folder / name, note={"a": [1]}, other="x", last=None)
    assert LogoFormerConfig.from_pretrained(folder).note == {"a": [1]}
    assert LogoFormerVideoProcessor.from_pretrained(folder).note == {"a": [1]}
    assert LogoFormerModel.from_pretrained(folder).config.other == "x"


def test_arguments_replace_values_as_in_the_library(folder):
    config, unused = LogoFormerConfig.from_pretrained(folder, num_frames=8, foo=1, return_unused_kwargs=True)
    assert (config.num_frames, unused) == (8, {"foo": 1})
    processor, unused = LogoFormerVideoProcessor.from_pretrained(
        folder, num_frames=8, foo=1, return_unused_kwargs=True
    )
    assert (processor.num_frames, unused["foo"]) == (8, 1)
    assert LogoFormerModel.from_pretrained(folder, dtype=torch.bfloat16).dtype == torch.bfloat16
    assert (
        AutoConfig.from_pretrained(folder / CONFIG).num_frames == LogoFormerConfig.from_pretrained(folder).num_frames
    )


def test_a_missing_file_is_the_librarys_own_error(tmp_path):
    for load in (LogoFormerModel, LogoFormerVideoProcessor):
        with raises_naming(OSError, tmp_path):
            load.from_pretrained(tmp_path)
    with raises_naming(OSError, tmp_path / "none"):
        LogoFormerConfig.from_pretrained(tmp_path / "none")


def test_settings_that_come_from_no_file_name_none():
    with raises_naming(ValueError, "num_labels") as raised:
        LogoFormerConfig.from_dict({"num_labels": None})
    assert "config.json" not in str(raised.value)
    with raises_naming(ValueError, "backbone_config.hidden_act", "evil"):
        LogoFormerConfig.from_dict(
            {"backbone_config": toy_config().backbone_config.to_dict() | {"hidden_act": "evil"}}
        )


def test_places_of_settings(folder, tmp_path):
    assert place_of_settings(folder, PROCESSOR_FILES) == (str(folder / PROCESSOR), folder / PROCESSOR)
    assert place_of_settings(folder.parent, (CONFIG,), subfolder="model") == (str(folder / CONFIG), folder / CONFIG)
    assert place_of_settings(folder / CONFIG, (CONFIG,)) == (str(folder / CONFIG), folder / CONFIG)
    assert place_of_settings("somebody/a-model", (CONFIG,)) == ("somebody/a-model/config.json", None)
    assert place_of_settings(None, (CONFIG,)) == ("", None)
    cached = tmp_path / "models--somebody--a-model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    shutil.copytree(folder, cached / "snapshots" / ("0" * 40))
    shown, file = place_of_settings("somebody/a-model", (CONFIG,), cache_dir=tmp_path)
    assert shown == "somebody/a-model/config.json" and file.is_file()


def test_the_field_at_fault_is_found_by_leaving_it_out():
    def build(values):
        return {"a": 1, "b": 2}[values.get("key", "a")]

    error = error_of_field(KeyError("c"), {"other": 1, "key": "c"}, build, "inner.")
    assert "`inner.key` is 'c'" in str(error) and "other" not in str(error)


BY_REMOTE_CODE = """
import json, sys
from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor

LOADERS = {"config.json": [AutoConfig, AutoModel, AutoModelForVideoClassification],
           "video_preprocessor_config.json": [AutoVideoProcessor]}
said = []
for folder, name in json.loads(sys.argv[1]):
    for loader in LOADERS[name]:
        try:
            loader.from_pretrained(folder, trust_remote_code=True)
            said.append(["nothing", ""])
        except Exception as error:
            said.append([type(error).__name__, str(error)])
print(json.dumps(said))
"""


def test_by_remote_code_alone_the_errors_are_the_same(tmp_path):
    good = tmp_path / "good"
    model = new_model(toy_config(num_frames=16, image_size=32, num_hidden_layers=1))
    model.save_pretrained(good)
    LogoFormerVideoProcessor.from_config(model.config).save_pretrained(good)
    backbone = json.loads((good / CONFIG).read_text())["backbone_config"]
    cases = [
        *((CONFIG, "num_labels", None), (CONFIG, "id2label", {"x": 2}), (CONFIG, "dtype", 5), (CONFIG, "to_dict", 5)),
        *((CONFIG, "backbone_config", backbone | {"model_type": "timm"}), (CONFIG, "layer_types", 5)),
        *((PROCESSOR, "size", [1]), (PROCESSOR, "image_mean", HUGE), (PROCESSOR, "device", "x")),
    ]
    places = []
    for number, (name, field, value) in enumerate(cases):
        change(Path(shutil.copytree(good, tmp_path / f"case-{number}")) / name, **{field: value})
        places.append([str(tmp_path / f"case-{number}"), name])
    printed = run_without_package(BY_REMOTE_CODE, json.dumps(places), cwd=tmp_path, HF_HUB_OFFLINE="1")
    said = iter(json.loads(printed.splitlines()[-1]))
    for (place, name), (_, field, _) in zip(places, cases, strict=True):
        for _ in range(3 if name == CONFIG else 1):
            kind, message = next(said)
            assert kind == "ValueError" and f"{place}/{name}" in message and field in message, (kind, message)
