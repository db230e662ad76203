"""The script as its users start it: real processes, real files, a handful of clips."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from transformers import AutoConfig

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import train_hf

ROOT = Path(train_hf.__file__).parent
FEW_CLIPS = ["--num_train_clips", "28", "--num_validation_clips", "7", "--num_test_clips", "14"]
ONE_EPOCH = ["--num_train_epochs", "1", "--dataloader_num_workers", "1", "--use_cpu", "True"]
WRITTEN = {
    "README.md",
    "config.json",
    "confusion_matrix.png",
    "eval_results.json",
    "model.safetensors",
    "training_curves.png",
    "video_preprocessor_config.json",
}


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def demo(cache_dir, tmp_path_factory):
    """The demo's way on a handful of clips, through the real launcher: its folder and what it printed."""
    output_dir = tmp_path_factory.mktemp("demo")
    return output_dir, launch(cache_dir, output_dir)


def launch(cache_dir: Path, output_dir: Path) -> str:
    command = ["accelerate", "launch", "train_hf.py", *FEW_CLIPS, *ONE_EPOCH]
    command += ["--cache_dir", str(cache_dir), "--output_dir", str(output_dir)]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


def run_here(cache_dir: Path, output_dir: Path, *arguments: str) -> dict:
    """The script without its launcher, in this process."""
    settings = ["--cache_dir", str(cache_dir), "--output_dir", str(output_dir), *ONE_EPOCH]
    train_hf.main([*arguments, *([] if "--num_train_clips" in arguments else FEW_CLIPS), *settings])
    return json.loads((output_dir / "eval_results.json").read_text())


def test_the_demo_writes_everything(demo):
    output_dir, _ = demo
    assert {file.name for file in output_dir.iterdir()} >= WRITTEN
    results = json.loads((output_dir / "eval_results.json").read_text())
    assert 0 <= results["test_uar"] <= 1 and 0 <= results["test_war"] <= 1
    assert results["test_num_clips"] == 14 == sum(map(sum, results["test_confusion_matrix"]))
    assert f"{100 * results['test_uar']:.2f}" in (output_dir / "README.md").read_text()


def test_the_demo_prints_a_table(demo):
    output_dir, printed = demo
    results = json.loads((output_dir / "eval_results.json").read_text())
    table = printed[printed.index("test UAR") :]
    for words in (f"{results['test_uar']:.1%}", f"{results['test_war']:.1%}", "clips per second", str(output_dir)):
        assert words in table
    for name in train_hf.EXPRESSIONS:
        assert name in table


def test_the_same_command_twice_gives_the_same(demo, cache_dir, tmp_path):
    output_dir, _ = demo
    launch(cache_dir, tmp_path)
    first, second = (load_file(folder / "model.safetensors") for folder in (output_dir, tmp_path))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    one, other = (json.loads((folder / "eval_results.json").read_text()) for folder in (output_dir, tmp_path))
    for name in ("test_uar", "test_war", "test_loss", "train_loss", "test_confusion_matrix"):
        assert one[name] == other[name]


def test_fine_tuning_a_saved_model_on_new_labels_from_a_yaml_file(demo, cache_dir, tmp_path, capsys):
    output_dir, _ = demo
    settings = tmp_path / "run.yaml"
    settings.write_text(
        f"model_name_or_path: {output_dir}\nlabels: [surprise, happy]\nlearning_rate: 1e-5\ncompact_loss: none\n"
    )
    results = run_here(cache_dir, tmp_path / "out", str(settings), "--seed", "3")
    assert list(results["test_recall"]) == ["surprise", "happy"]
    assert "new classes: none" in capsys.readouterr().out
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert config.id2label == {0: "surprise", 1: "happy"}
    # At this learning rate the rows of the classifier are still those that the labels brought along.
    before = load_file(output_dir / "model.safetensors")["classifier.weight"]
    after = load_file(tmp_path / "out" / "model.safetensors")["classifier.weight"]
    torch.testing.assert_close(after, before[[4, 0]], rtol=0, atol=1e-3)


def test_a_pretrained_frame_encoder_brings_its_normalisation(cache_dir, tmp_path, capsys):
    checkpoint = tmp_path / "resnet"
    checkpoint.mkdir()
    weights = torchvision.models.resnet18(weights=None).state_dict()
    torch.save({f"module.{name}": tensor for name, tensor in weights.items()}, checkpoint / "pytorch_model.bin")
    (checkpoint / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}')
    overrides = '{"image_size": 32, "num_frames": 2, "num_hidden_layers": 1}'
    run_here(
        cache_dir,
        tmp_path / "out",
        *("--model", "small", "--config_overrides", overrides, "--backbone_checkpoint", str(checkpoint)),
        *("--learning_rate", "0", "--freeze_batch_norm", "True", "--labels", "happy", "sad"),
    )
    assert "90 tensors loaded" in capsys.readouterr().out
    saved = load_file(tmp_path / "out" / "model.safetensors")
    stem = saved["logoformer.backbone.embedder.embedder.convolution.weight"]
    torch.testing.assert_close(stem, weights["conv1.weight"])
    processor = json.loads((tmp_path / "out" / "video_preprocessor_config.json").read_text())
    assert processor["image_mean"] == [0.1, 0.2, 0.3] and processor["num_frames"] == 2


def test_recipes_are_defaults_that_a_file_and_the_command_line_override(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("recipe: paper\nlearning_rate: 0.02\nnum_train_epochs: 7\n")
    arguments = train_hf.parse_arguments([str(settings), "--num_train_epochs", "9"])[-1]
    assert (arguments.optim, arguments.lr_decay_epochs) == ("sgd", 40)
    assert (arguments.learning_rate, arguments.num_train_epochs) == (0.02, 9)
    assert train_hf.parse_arguments([])[-1].optim == "adamw_torch"


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--labels", "happy", "bored"], ValueError, ["labels", "bored", "surprise"]),
        (["--num_train_clips", "3"], ValueError, ["num_train", "3", "7"]),
        (["--model_name_or_path", "/nowhere/model"], OSError, ["/nowhere/model"]),
        (["--backbone_checkpoint", "/nowhere/resnet.pth"], FileNotFoundError, ["/nowhere/resnet.pth"]),
        (["--config_overrides", '{"hidden_size": 13}'], Exception, ["hidden_size", "13", "multiple"]),
        (["--config_overrides", '{"hiden_size": 13}'], ValueError, ["config_overrides", "hiden_size"]),
        (["--config_overrides", "hidden_size=13"], ValueError, ["config_overrides", "hidden_size=13", "JSON"]),
        (["--min_crop_area", "0"], ValueError, ["min_crop_area", "0.0"]),
        (["--compact_loss_weight", "-1"], ValueError, ["compact_loss_weight", "-1"]),
    ],
)
def test_bad_arguments_stop_before_training(cache_dir, tmp_path, arguments, error, words):
    with pytest.raises(error) as caught:
        run_here(cache_dir, tmp_path, *arguments)
    for word in words:
        assert word in str(caught.value)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_an_unknown_setting_in_a_file_is_named(tmp_path):
    settings = tmp_path / "run.yaml"
    settings.write_text("learning_rat: 0.1\n")
    with pytest.raises(ValueError, match=r"run\.yaml.*learning_rat"):
        train_hf.parse_arguments([str(settings)])


@pytest.mark.slow
def test_the_whole_demo_reaches_its_uar(tmp_path):
    """The README's first command as it stands, from an empty cache: minutes."""
    command = ["accelerate", "launch", str(ROOT / "train_hf.py")]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HOME": str(tmp_path / "hf"),
    }
    environment.pop("OMP_NUM_THREADS", None)  # conftest sets it for tensors smaller than these
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert json.loads((tmp_path / "outputs" / "demo" / "eval_results.json").read_text())["test_uar"] >= 0.75
