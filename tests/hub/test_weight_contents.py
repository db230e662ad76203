"""Files of weights leave with tensors alone."""

import json

import pytest
import torch
from errors import raises_naming
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from toys import new_model, toy_config

from logoformer_hf.hub.weight_contents import check_tensors, check_weights, names_of_weights
from logoformer_hf.models.files import check_weight_files


@pytest.fixture
def file(tmp_path):
    save_file({"a": torch.ones(3), "b": torch.ones(2)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    return tmp_path / "a.safetensors"


def with_header(file, change) -> None:
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = change(content[8 : 8 + size].decode()).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + size :])


def test_what_is_written_leaves(file):
    check_weights(file)


@pytest.mark.parametrize("metadata", [{"note": "mine"}, {"format": "mine"}, {"format": "pt", "note": "mine"}])
def test_other_metadata_do_not(file, metadata):
    save_file({"a": torch.ones(3)}, file, metadata=metadata)
    with raises_naming(ValueError, "mine"):
        check_weights(file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("a.num_batches_tracked", torch.tensor(number)) for number in (-5, 2**62)),
        *(("a.running_var", torch.tensor([1.0, -0.5], dtype=kind)) for kind in (torch.float32, torch.bfloat16)),
    ],
)
def test_statistics_that_cannot_be(file, name, value):
    save_file({name: value.abs() % 10**6}, file, metadata={"format": "pt"})
    check_weights(file)
    save_file({name: value}, file, metadata={"format": "pt"})
    with raises_naming(ValueError, name):
        check_weights(file)


def test_bytes_behind_the_tensors(file):
    file.write_bytes(file.read_bytes() + b"a text of somebody")
    with pytest.raises(SafetensorError):
        check_weights(file)


def test_bytes_between_the_tensors(file):
    def move(header: str) -> str:
        values = json.loads(header)
        values["b"]["data_offsets"] = [end + 8 for end in values["b"]["data_offsets"]]
        return json.dumps(values)

    with_header(file, move)
    file.write_bytes(file.read_bytes() + bytes(8))
    with pytest.raises(SafetensorError):
        check_weights(file)


def test_more_about_a_tensor(file):
    with_header(file, lambda header: header.replace('"shape"', '"note":"mine","shape"', 1))
    with pytest.raises((ValueError, SafetensorError)):
        check_weights(file)


def test_a_name_that_is_there_twice(file):
    with_header(file, lambda header: header.replace("{", '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},', 1))
    with pytest.raises((ValueError, SafetensorError)):
        check_weights(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.rstrip() + " " * 8,
        lambda header: header.replace(":", ": ", 1),
        lambda header: header.replace(",", ",\n", 1),
        lambda header: header.replace('"a"', '"\\u0061"'),
        lambda header: json.dumps(dict(reversed(json.loads(header).items())), separators=(",", ":")),
        lambda header: header.rstrip() + "\t",
    ],
)
def test_a_description_that_is_written_otherwise(file, change):
    """Blanks, spellings and the order may say something."""
    with_header(file, change)
    with pytest.raises((ValueError, SafetensorError)):
        check_weights(file)


def test_a_part_without_its_index(tmp_path, file):
    file.rename(tmp_path / "model-00001-of-00001.safetensors")
    with raises_naming(ValueError, tmp_path, "model-00001-of-00001.safetensors", "index"):
        names_of_weights(tmp_path)


WEIGHTS = ["model.safetensors"]
VIT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "patch_size": 16, "intermediate_size": 16}
SWIN = {"embed_dim": 8, "depths": [1], "num_heads": [2]}


@pytest.mark.parametrize(
    ("kind", "sizes"), [("beit", VIT), ("dinov2", VIT), ("dinov3_vit", VIT), ("swin", SWIN), ("swinv2", SWIN)]
)
@pytest.mark.parametrize("original", [True, False])
def test_frame_encoders_whose_tensors_have_other_names_in_files(tmp_path, kind, sizes, original):
    """Also where `save_pretrained` is told to write the names of the model."""
    backbone = {"model_type": kind, "image_size": 48, "out_features": ["stage1"], **sizes}
    config = toy_config(backbone_config=backbone)
    new_model(config).save_pretrained(tmp_path, save_original_format=original)
    check_tensors(tmp_path, WEIGHTS, config)
    check_weight_files(tmp_path, config)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if "backbone" in name and name.endswith("weight") and weights[name].ndim == 2)
    for changed, named in (
        (weights | {"note": torch.ones(2)}, "note"),
        ({each: tensor for each, tensor in weights.items() if each != name}, name),
        (weights | {name: torch.ones(3, 3)}, name),
    ):
        save_file(changed, file, metadata={"format": "pt"})
        with raises_naming(ValueError, tmp_path, named):
            check_tensors(tmp_path, WEIGHTS, config)
        if named == name:
            with raises_naming(ValueError, tmp_path, named):
                check_weight_files(tmp_path, config)


def test_a_number_of_another_kind(tmp_path):
    """A complex number has room for more than a whole one."""
    new_model(toy_config()).save_pretrained(tmp_path)
    config, file = toy_config(), tmp_path / "model.safetensors"
    check_tensors(tmp_path, WEIGHTS, config)
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("num_batches_tracked"))
    for kind in (torch.complex64, torch.int8, torch.float32):
        save_file(weights | {name: weights[name].to(kind)}, file, metadata={"format": "pt"})
        with raises_naming(ValueError, file, name):
            check_tensors(tmp_path, WEIGHTS, config)
