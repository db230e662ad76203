import copy
import json
import os
from functools import cache
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision
from errors import check_named, raises_naming
from toys import new_model
from transformers import ConvNextConfig, ResNetConfig, ResNetForImageClassification

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.configuration_logoformer import resnet18_to_stage3
from logoformer_hf.models.backbone import load_backbone_checkpoint

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
OTHER = ([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])


@cache
def fresh_model(depths: tuple = (2, 2, 2), hidden_sizes: tuple = (64, 128, 256)) -> LogoFormerForVideoClassification:
    backbone_config = resnet18_to_stage3(depths=list(depths), hidden_sizes=list(hidden_sizes))
    return new_model(make_config(backbone_config))


def make_model(**sizes) -> LogoFormerForVideoClassification:
    return copy.deepcopy(fresh_model(**sizes))  # quicker than a new one


def make_config(backbone_config) -> LogoFormerConfig:
    return LogoFormerConfig(
        image_size=32,
        backbone_config=backbone_config,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )


def pixels() -> torch.Tensor:
    return torch.randn(1, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def with_statistics(network: torch.nn.Module) -> torch.nn.Module:
    """Batch norms as after training: fresh ones hide a tensor that was not loaded."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                tensor.uniform_(0.5, 1.5, generator=generator)
            for tensor in (module.bias.data, module.running_mean):
                tensor.normal_(0, 0.2, generator=generator)
    return network.eval()


# Features reach 20, and convolutions add up in another order where pixels are stored channels last.
ROUNDING = 1e-4


@pytest.fixture(scope="module")
def resnet18() -> torchvision.models.ResNet:
    return with_statistics(torchvision.models.resnet18(weights=None))


@torch.no_grad()
def stage3(network: torchvision.models.ResNet) -> torch.Tensor:
    """`(batch, frames, height, width, features)` as torchvision computes them."""
    hidden = network.maxpool(network.relu(network.bn1(network.conv1(pixels().flatten(0, 1)))))
    hidden = network.layer3(network.layer2(network.layer1(hidden)))
    return hidden.permute(0, 2, 3, 1).unflatten(0, (1, 2))


def prefixed(weights: dict, prefix: str) -> dict:
    return {prefix + name: tensor for name, tensor in weights.items()}


# name of the file: what is in it
DIALECTS = {
    "plain.pth": lambda weights: weights,
    "parallel.pt": lambda weights: prefixed(weights, "module."),
    "backbone.bin": lambda weights: prefixed(weights, "backbone."),
    "both.pth": lambda weights: prefixed(weights, "module.backbone."),
    "wrapped.pth": lambda weights: {"epoch": 3, "state_dict": prefixed(weights, "module.")},
    "with_optimizer.pth": lambda weights: {"model": weights, "optimizer": {"state": {0: torch.zeros(1)}}},
    "old_without_counts.pth": lambda weights: {
        name: tensor for name, tensor in weights.items() if not name.endswith("num_batches_tracked")
    },
    "half.pth": lambda weights: {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()
    },
    "plain.safetensors": lambda weights: weights,
}


@pytest.mark.parametrize("name", DIALECTS)
def test_loaded_frame_encoder_computes_what_torchvision_does(name, tmp_path, resnet18):
    content = DIALECTS[name](resnet18.state_dict())
    save = safetensors.torch.save_file if name.endswith(".safetensors") else torch.save
    save(content, tmp_path / name)
    model = make_model()
    others = {key: value.clone() for key, value in model.state_dict().items() if "backbone" not in key}
    with torch.no_grad():
        before = model.encode_frames(pixels())
        report = load_backbone_checkpoint(model, tmp_path / name)
        after = model.encode_frames(pixels())
    expected = stage3(resnet18)
    assert not torch.allclose(before, expected, atol=0.1)
    # float16 files keep three digits
    assert torch.allclose(after, expected, atol=5e-2 if name == "half.pth" else ROUNDING)
    assert all(torch.equal(model.state_dict()[key], value) for key, value in others.items())

    assert (tuple(report.image_mean), tuple(report.image_std)) == IMAGENET
    assert report.path == tmp_path / name
    left_out = [name for name in resnet18.state_dict() if name.startswith(("layer4.", "fc."))]
    if name == "old_without_counts.pth":
        left_out = [name for name in left_out if not name.endswith("num_batches_tracked")]
    assert len(report.ignored) == len(left_out)
    assert {name.split(".")[2] for name in report.ignored if name.startswith("encoder")} == {"3"}
    check_named(str(report), report.path, report.num_loaded, len(left_out), "0.485")


@pytest.mark.parametrize("given", ["folder", "file"])
def test_resnet_of_transformers_with_its_normalisation(given, tmp_path):
    config = ResNetConfig(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512])
    network = with_statistics(ResNetForImageClassification(config))
    network.save_pretrained(tmp_path)
    settings = {"image_mean": OTHER[0], "image_std": OTHER[1]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    model = make_model()
    report = load_backbone_checkpoint(model, tmp_path if given == "folder" else tmp_path / "model.safetensors")
    with torch.no_grad():
        expected = network.resnet(pixels().flatten(0, 1), output_hidden_states=True).hidden_states[3]
        assert torch.allclose(
            model.encode_frames(pixels()), expected.permute(0, 2, 3, 1).unflatten(0, (1, 2)), atol=ROUNDING
        )
    assert (report.image_mean, report.image_std) == OTHER
    assert "preprocessor_config.json" in str(report)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"architecture": "resnet18", "pretrained_cfg": {"mean": OTHER[0], "std": OTHER[1]}}, OTHER),
        ({"architecture": "resnet18", "pretrained_cfg": {}}, IMAGENET),
        ({"architecture": "resnet18", "pretrained_cfg": None}, IMAGENET),
    ],
)
def test_folder_of_timm_with_its_normalisation(config, expected, tmp_path, resnet18):
    safetensors.torch.save_file(resnet18.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = make_model()
    report = load_backbone_checkpoint(model, str(tmp_path))
    with torch.no_grad():
        assert torch.allclose(model.encode_frames(pixels()), stage3(resnet18), atol=ROUNDING)
    assert (list(report.image_mean), list(report.image_std)) == (list(expected[0]), list(expected[1]))
    assert ("config.json" in str(report)) == (expected is OTHER)


def test_settings_beside_a_lone_file_are_not_its_own(tmp_path, resnet18):
    torch.save(resnet18.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": OTHER[0], "image_std": OTHER[1]}))
    report = load_backbone_checkpoint(make_model(), tmp_path / "resnet18-f37072fd.pth")
    assert (tuple(report.image_mean), tuple(report.image_std)) == IMAGENET


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("Resnet18_MS1M_pytorch.pth.tar", ([0, 0, 0], [1, 1, 1]), ["its name", "[0, 1]"]),
        ("resnet18_msceleb.pth", IMAGENET, ["its name", "MS-Celeb-1M"]),
        ("resnet18-f37072fd.pth", IMAGENET, ["its name", "torchvision"]),
        ("mine.pth", IMAGENET, ["a guess", "image_mean", "image_std"]),
    ],
)
def test_a_lone_file_is_normalised_as_its_name_is_known_for(name, expected, words, tmp_path, resnet18):
    torch.save({"state_dict": prefixed(resnet18.state_dict(), "module.")}, tmp_path / name)
    report = load_backbone_checkpoint(make_model(), tmp_path / name)
    assert (list(report.image_mean), list(report.image_std)) == (list(expected[0]), list(expected[1]))
    check_named(str(report), *words)


@pytest.mark.parametrize("name", ["resnet18_ms1m.pth", "model.safetensors"])
def test_a_normalisation_that_is_given_is_taken_whatever_is_known(name, tmp_path, resnet18):
    save = safetensors.torch.save_file if name.endswith(".safetensors") else torch.save
    save(resnet18.state_dict(), tmp_path / name)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0] * 3, "image_std": [1] * 3}))
    report = load_backbone_checkpoint(make_model(), tmp_path / name, *OTHER)
    assert (report.image_mean, report.image_std) == OTHER
    check_named(str(report), "image_mean", "image_std", OTHER[0], OTHER[1])


def test_the_folder_of_a_logo_former_gives_its_frame_encoder_and_normalisation(tmp_path):
    other = with_statistics(LogoFormerForVideoClassification(make_config(resnet18_to_stage3())))
    other.save_pretrained(tmp_path)
    LogoFormerVideoProcessor.from_config(other.config, image_mean=OTHER[0], image_std=OTHER[1]).save_pretrained(
        tmp_path
    )
    model = make_model().eval()
    report = load_backbone_checkpoint(model, tmp_path)
    with torch.no_grad():
        assert torch.equal(model.encode_frames(pixels()), other.encode_frames(pixels()))
    assert (report.image_mean, report.image_std) == OTHER
    check_named(str(report), "video_preprocessor_config.json")


# --- what is refused


class RunsCode:
    """As a pickle: a call of `os.mkdir`."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


# what to make of a ResNet-18's weights, the sizes of the frame encoder, and what the message names
WRONG_WEIGHTS = {
    "other_network": (lambda weights: {"blocks.0.attn.qkv.weight": torch.zeros(3)}, {}, []),
    "no_tensors": (lambda weights: {"epoch": 3}, {}, []),
    "empty": (lambda weights: {}, {}, []),
    "list": (lambda weights: [torch.zeros(3)], {}, []),
    "one_tensor": (lambda weights: torch.zeros(3), {}, []),
    "one_missing": (
        lambda weights: {name: weights[name] for name in weights if name != "layer3.1.bn2.running_var"},
        {},
        ["1 of ", "stages.2.layers.1.layer.1.normalization.running_var"],
    ),
    "resnet34": (lambda weights: torchvision.models.resnet34(weights=None).state_dict(), {}, ["ResNet"]),
    "resnet50": (lambda weights: torchvision.models.resnet50(weights=None).state_dict(), {}, ["ResNet"]),
    "encoder_deeper": (lambda weights: weights, {"depths": (3, 4, 6)}, ["ResNet"]),
    "encoder_wider": (lambda weights: weights, {"hidden_sizes": (64, 96, 128)}, ["ResNet"]),
    "two_networks": (
        lambda weights: prefixed(weights, "encoder_q.") | prefixed(weights, "encoder_k."),
        {},
        ["encoder_q.conv1.weight", "encoder_k.conv1.weight"],
    ),
    "head_with_bn1": (
        lambda weights: weights | {"projector.bn1.weight": torch.ones(64)},
        {},
        ["bn1.weight", "projector.bn1.weight"],
    ),
}


@pytest.mark.parametrize("name", WRONG_WEIGHTS)
def test_weights_that_do_not_fit_are_refused_whole(name, tmp_path, resnet18):
    change, sizes, words = WRONG_WEIGHTS[name]
    path = tmp_path / f"{name}.pth"
    torch.save(change(resnet18.state_dict()), path)
    refuse(make_model(**sizes), path, ValueError, *words)


def refuse(model, path: Path, error: type[Exception], *words: str) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with raises_naming(error, *words) as caught:
        load_backbone_checkpoint(model, path)
    assert type(caught.value) is error
    assert str(caught.value).startswith(str(path))
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


def test_code_in_a_pickle_is_not_run(tmp_path, resnet18):
    folder, path = tmp_path / "made_by_the_pickle", tmp_path / "evil.pth"
    torch.save({"state_dict": resnet18.state_dict(), "extra": RunsCode(folder)}, path)
    refuse(make_model(), path, ValueError)
    assert not folder.exists()
    torch.load(path, weights_only=False)  # it would have been
    assert folder.exists()


@pytest.mark.parametrize("name", ["text.pth", "text.safetensors", "empty.pth", "empty.safetensors", "half.pth"])
def test_corrupt_files_are_named(name, tmp_path, resnet18):
    path = tmp_path / name
    torch.save(resnet18.state_dict(), path)
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes({"text": b"no weights at all", "empty": b"", "half": half}[path.stem])
    refuse(make_model(), path, ValueError)


def test_missing_file_and_folder_without_weights(tmp_path):
    refuse(make_model(), tmp_path / "nowhere.pth", FileNotFoundError)
    (tmp_path / "config.json").write_text("{}")
    refuse(make_model(), tmp_path, ValueError, "model.safetensors", "pytorch_model.bin")


def test_only_a_resnet_takes_weights_of_a_resnet(tmp_path, resnet18):
    torch.save(resnet18.state_dict(), tmp_path / "resnet18.pth")
    convnext = ConvNextConfig(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage3"])
    with raises_naming(ValueError, "convnext"):
        load_backbone_checkpoint(LogoFormerForVideoClassification(make_config(convnext)), tmp_path / "resnet18.pth")
