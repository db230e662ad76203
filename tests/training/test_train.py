"""The script as its users start it: real processes, real files, a handful of clips."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from dataset_trees import DFEW_NUMBERS, dfew_fold
from errors import check_named, raises_naming
from hub_server import running_hub
from library_state import state_of_the_libraries
from paths import ROOT
from processes import environment_with, launch, run_process
from safetensors.torch import load_file
from transformers import AutoConfig
from video_models import save

from logoformer_hf import EXPRESSIONS
from logoformer_hf.cli import main
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.sources.arguments import SourceArguments
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.hub.json_contents import check_json
from logoformer_hf.training.evaluate import evaluate_model
from logoformer_hf.training.evaluation_arguments import EvaluationArguments
from logoformer_hf.training.settings import ModelArguments
from logoformer_hf.training.train import build_model
from logoformer_hf.training.train import main as train

FEW_CLIPS = ["--num_train_clips", "28", "--num_validation_clips", "7", "--num_test_clips", "14"]
ONE_EPOCH = ["--num_train_epochs", "1", "--dataloader_num_workers", "1", "--use_cpu", "True"]
WRITTEN = {
    "README.md",
    "config.json",
    "confusion_matrix.png",
    "eval_results.json",
    "model.safetensors",
    "predictions.parquet",
    "projection.png",
    "recalls.png",
    "report.json",
    "report.md",
    "run.json",
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
    return output_dir, launch_demo(cache_dir, output_dir)


def launch_demo(cache_dir: Path, output_dir: Path) -> str:
    folders = ["--cache_dir", str(cache_dir), "--output_dir", str(output_dir)]
    return launch(1, "train_hf.py", *FEW_CLIPS, *ONE_EPOCH, *folders, cwd=ROOT).stdout


def run_here(cache_dir: Path, output_dir: Path, *arguments: str) -> dict:
    """The script without its launcher, in this process."""
    settings = ["--cache_dir", str(cache_dir), "--output_dir", str(output_dir), *ONE_EPOCH]
    train([*arguments, *([] if "--num_train_clips" in arguments else FEW_CLIPS), *settings])
    return json.loads((output_dir / "eval_results.json").read_text())


def test_the_demo_writes_everything(demo):
    output_dir, _ = demo
    assert {file.name for file in output_dir.iterdir()} >= WRITTEN
    results = json.loads((output_dir / "eval_results.json").read_text())
    assert 0 <= results["test_uar"] <= 1 and 0 <= results["test_war"] <= 1
    assert results["chosen_on_test_set"] is False
    assert results["test_num_clips"] == 14 == sum(map(sum, results["test_confusion_matrix"]))
    assert f"{100 * results['test_uar']:.2f}" in (output_dir / "README.md").read_text()


def test_the_demo_prints_a_table(demo):
    output_dir, printed = demo
    results = json.loads((output_dir / "eval_results.json").read_text())
    table = printed[printed.index("UAR") :]
    check_named(table, f"{100 * results['test_uar']:.2f}", f"{100 * results['test_war']:.2f}", "WAR", *EXPRESSIONS)
    check_named(printed, "14 clips", output_dir)
    # Clips per second, training and testing.
    speeds, wait = [line for line in printed.splitlines() if line.startswith("seed 42: ")]
    assert "waiting for clips" in wait
    assert len([number for number in re.findall(r"\d+\.\d", speeds) if float(number) > 0]) == 2


@pytest.mark.slow
def test_the_same_command_twice_gives_the_same(demo, cache_dir, tmp_path):
    output_dir, _ = demo
    launch_demo(cache_dir, tmp_path)
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
    check_named(capsys.readouterr().out, output_dir, "surprise, happy")
    check_named(read_predictions(tmp_path / "out" / "predictions.parquet").run.model, output_dir.name)
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
    check_named(capsys.readouterr().out, checkpoint, "90")
    saved = load_file(tmp_path / "out" / "model.safetensors")
    stem = saved["logoformer.backbone.embedder.embedder.convolution.weight"]
    torch.testing.assert_close(stem, weights["conv1.weight"])
    processor = json.loads((tmp_path / "out" / "video_preprocessor_config.json").read_text())
    assert processor["image_mean"] == [0.1, 0.2, 0.3] and processor["num_frames"] == 2
    given = ModelArguments("small", overrides, None, str(checkpoint), [0.5], [0.25])
    assert build_model(given, ["happy", "sad"], tmp_path)[1].image_mean == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--labels", "happy", "bored"], ValueError, ["labels", "bored", "surprise"]),
        (["--num_train_clips", "3"], ValueError, ["num_train", "3", "7"]),
        (["--model_name_or_path", "/nowhere/model"], OSError, ["/nowhere/model"]),
        (["--backbone_checkpoint", "/nowhere/resnet.pth"], FileNotFoundError, ["/nowhere/resnet.pth"]),
        (["--config_overrides", '{"hidden_size": 13}'], Exception, ["hidden_size", "13"]),
        (["--config_overrides", '{"hiden_size": 13}'], ValueError, ["config_overrides", "hiden_size"]),
        (["--config_overrides", "hidden_size=13"], ValueError, ["config_overrides", "hidden_size=13", "JSON"]),
        (["--min_crop_area", "0"], ValueError, ["min_crop_area", "0.0"]),
        (["--compact_loss_weight", "-1"], ValueError, ["compact_loss_weight", "-1"]),
        (["--seeds", "2", "--push_to_hub", "True"], ValueError, ["push_to_hub", "2"]),
        (["--beside", "/nowhere/runs"], FileNotFoundError, ["/nowhere/runs"]),
        (["--fold", "1"], ValueError, ["fold", "faces", "dfew"]),
        (["--seeds", "0"], ValueError, ["seeds", "0"]),
    ],
)
def test_bad_arguments_stop_before_training(cache_dir, tmp_path, arguments, error, words):
    with raises_naming(error, *words):
        run_here(cache_dir, tmp_path, *arguments)
    assert not list(tmp_path.glob("checkpoint-*"))


# --- what stays as it was in a process that calls it


def test_training_from_python_keeps_the_state_of_the_libraries(cache_dir, tmp_path):
    before = state_of_the_libraries()
    run_here(cache_dir, tmp_path / "out", "--seed", "5")
    assert state_of_the_libraries() == before
    with pytest.raises(ValueError):
        run_here(cache_dir, tmp_path / "out", "--seed", "6")  # another run is there
    assert state_of_the_libraries() == before


# --- several runs


def run_dfew(dfew_tree: Path, output_dir: Path, *arguments: str) -> dict:
    settings = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--cache_dir", str(output_dir.parent / "cache")]
    settings += ["--validation_size", "0.25", "--output_dir", str(output_dir), "--use_cpu", "True"]
    train([*settings, "--dataloader_num_workers", "0", "--num_train_epochs", "2", *arguments])
    return json.loads((output_dir / "report.json").read_text())


@pytest.fixture(scope="module")
def all_folds(dfew_tree, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("folds") / "out"
    return output_dir, run_dfew(dfew_tree, output_dir, "--fold", "all", "--save_total_limit", "3")


def test_all_folds_test_every_clip_once(all_folds):
    output_dir, report = all_folds
    assert report["complete"] and report["num_folds"] == 5 and report["selection"] == "validation"
    assert report["clips"] == {"listed": 35, "left_out": 0, "tested": 35} | {
        name: value for name, value in report["clips"].items() if name == "left_out_ids"
    }
    assert [run["fold"] for run in report["seeds"][0]["runs"]] == [1, 2, 3, 4, 5]
    assert report["published"]
    for fold in range(1, 6):
        card = (output_dir / f"fold-{fold}" / "README.md").read_text()
        check_named(card, f"fold {fold}", "dfew-non-commercial-research")


def test_a_killed_run_goes_on_and_gives_the_same(all_folds, dfew_tree, capsys):
    """As after a kill in the second epoch of fold 2: finished folds are left alone, that one goes on."""
    output_dir, report = all_folds
    folder, others = (
        output_dir / "fold-2",
        [output_dir / f"fold-{fold}" / "model.safetensors" for fold in (1, 3, 4, 5)],
    )
    weights, before = load_file(folder / "model.safetensors"), [file.stat().st_mtime_ns for file in others]
    capsys.readouterr()
    newest = max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    (newest / "trainer_state.json").unlink()  # Trainer was killed before it wrote this
    for file in ("predictions.parquet", "model.safetensors"):
        (folder / file).unlink()
    again = run_dfew(dfew_tree, output_dir, "--fold", "all", "--save_total_limit", "3")
    resumed = [line for line in capsys.readouterr().out.splitlines() if "checkpoint-" in line]
    assert len(resumed) == 1 and "fold 2, seed 42" in resumed[0] and str(newest) not in resumed[0]
    assert again == report
    assert [file.stat().st_mtime_ns for file in others] == before
    for name, tensor in load_file(folder / "model.safetensors").items():
        assert torch.equal(tensor, weights[name]), name


def test_a_finished_folder_with_other_settings_is_left_alone(all_folds, dfew_tree):
    output_dir, report = all_folds
    with raises_naming(ValueError, output_dir / "fold-1", "learning_rate", "0.5"):
        run_dfew(dfew_tree, output_dir, "--fold", "all", "--save_total_limit", "3", "--learning_rate", "0.5")
    with raises_naming(ValueError, output_dir / "fold-1", "test_views 1", "now 4"):
        run_dfew(dfew_tree, output_dir, "--fold", "all", "--save_total_limit", "3", "--test_views", "4")
    assert json.loads((output_dir / "report.json").read_text()) == report


def test_seeds_choosing_on_test_and_another_run_beside(all_folds, dfew_tree, tmp_path):
    beside = str(all_folds[0])
    arguments = ["--fold", "3", "--seeds", "2", "--select_on", "test", "--compact_loss", "none", "--beside", beside]
    report = run_dfew(dfew_tree, tmp_path / "out", *arguments)
    assert report["chosen_on_test_set"] and not report["complete"]
    assert [summary["seed"] for summary in report["seeds"]] == [42, 43]
    assert report["over_seeds"]["num_seeds"] == 2
    assert report["beside"]["seeds"][0]["num_clips"] == 7
    text = (tmp_path / "out" / "report.md").read_text()
    check_named(text.splitlines()[0], "DFEW", "fold 3 of 5", "test set")
    check_named(text, "margin x 0.1")
    assert "test clips" in (tmp_path / "out" / "seed-43" / "README.md").read_text()
    assert json.loads((tmp_path / "out" / "seed-43" / "eval_results.json").read_text())["chosen_on_test_set"] is True
    predictions = read_predictions(tmp_path / "out" / "seed-43" / "predictions.parquet")
    assert predictions.embeddings.shape == (7, 64) and predictions.run.compact_loss == "none"


def test_problems_stop_or_are_left_out_and_told(dfew_tree, tmp_path):
    copy = tmp_path / "DFEW"
    shutil.copytree(dfew_tree, copy)
    (copy / "Clip" / "jpg_256" / "02521" / "00001.jpg").write_bytes(b"")
    with raises_naming(ClipProblems, "02521"):
        run_dfew(copy, tmp_path / "out", "--fold", "1")
    problems = (tmp_path / "out" / "problems.csv").read_text().splitlines()
    assert len(problems) == 2 and problems[1].startswith("02521,")
    report = run_dfew(copy, tmp_path / "out2", "--fold", "1", "--on_problem", "skip")
    assert report["clips"]["left_out_ids"] == ["02521"] and report["clips"]["tested"] == 6
    assert (tmp_path / "out2" / "problems.csv").exists()


def test_another_kind_of_model_under_the_same_protocol(dfew_tree, tmp_path):
    save(tmp_path / "videomae", "videomae")
    arguments = ["--fold", "1", "--model_name_or_path", str(tmp_path / "videomae"), "--test_views", "4"]
    report = run_dfew(dfew_tree, tmp_path / "out", *arguments)
    assert "videomae" in report["model"] and (report["clips"]["tested"], report["test_views"]) == (7, 4)
    predictions = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert predictions.embeddings.shape == (7, 16) and predictions.run.compact_loss == "margin"
    assert not (tmp_path / "out" / "README.md").exists()  # the card is for LOGO-Formers


def test_training_from_shards_is_training_from_the_folder(dfew_tree, tmp_path):
    arguments = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--output_dir", str(tmp_path / "shards")]
    main(["prepare", *arguments, "--cache_dir", str(tmp_path / "cache"), "--num_workers", "0"])
    source = ["--dataset", "prepared", "--data_dir", str(tmp_path / "shards"), "--fold", "2"]
    report = run_dfew(dfew_tree, tmp_path / "out", *source, "--test_views", "4", "--logit_adjustment", "1")
    assert (report["dataset"], report["dataset_name"], report["folds"]) == ("dfew", "DFEW", [2])
    card = (tmp_path / "out" / "README.md").read_text()
    assert report["published"]
    check_named(
        card, "dfew-non-commercial-research", "4 views of each clip", "views of a test clip", "logit adjustment"
    )
    check_named((tmp_path / "out" / "report.md").read_text(), "4 views")
    results = json.loads((tmp_path / "out" / "eval_results.json").read_text())
    assert (results["test_views"], results["test_num_clips"], report["test_views"]) == (4, 7, 4)
    check_json(tmp_path / "out" / "eval_results.json")  # it may be published
    predictions = read_predictions(tmp_path / "out" / "predictions.parquet")
    assert sorted(predictions.clip_ids) == [f"{number:05d}" for number in DFEW_NUMBERS if dfew_fold(number) == 2]


@pytest.mark.slow
def test_training_ends_with_one_push(cache_dir, tmp_path):
    """To a Hub on this machine: the model with its card and code, and none of Trainer's pickles."""
    with running_hub() as server:
        settings = server.environment(HF_HOME=str(tmp_path / "home"))
        command = [sys.executable, "train_hf.py", *FEW_CLIPS, *ONE_EPOCH, "--cache_dir", str(cache_dir)]
        command += ["--output_dir", str(tmp_path / "out"), "--push_to_hub", "True", "--hub_model_id", "me/faces"]
        run = run_process(command, cwd=ROOT, **settings)
        repo = server.repos["models", "me/faces"]
    assert (tmp_path / "out" / "checkpoint-2" / "training_args.bin").exists()
    assert {"README.md", "model.safetensors", "modeling_logoformer.py", "report.md"} < set(repo.files)
    assert not [name for name in repo.files if "checkpoint" in name or name.endswith((".bin", ".pt", ".pth"))]
    assert 'model="me/faces"' in repo.files["README.md"].content.decode()
    assert server.count("POST .*/commit/main") == 1
    assert "hf_writes" not in run.stdout + run.stderr


def test_two_processes_give_the_same_table(dfew_tree, tmp_path):
    """A real launch of two processes, on an odd number of clips a process."""
    cache_dir = str(tmp_path / "cache")
    source = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--fold", "1", "--cache_dir", cache_dir]
    options = ["--validation_size", "0.25", "--use_cpu", "True", "--num_train_epochs", "1"]
    run = launch(2, "train_hf.py", *source, *options, "--output_dir", str(tmp_path / "two"), cwd=ROOT)
    assert run.stdout.count("LOGO-Former tiny") == 1  # one of the two prints
    two = read_predictions(tmp_path / "two" / "predictions.parquet")
    evaluate_model(
        EvaluationArguments(
            model=str(tmp_path / "two"), output_dir=str(tmp_path / "one"), num_workers=0, use_cpu=True
        ),
        SourceArguments(dataset="dfew", data_dir=str(dfew_tree), fold="1", cache_dir=cache_dir),
    )
    one = read_predictions(tmp_path / "one" / "predictions.parquet")
    assert one.clip_ids == two.clip_ids == [f"{number:05d}" for number in DFEW_NUMBERS if dfew_fold(number) == 1]
    assert one.labels.tolist() == two.labels.tolist() and one.predictions.tolist() == two.predictions.tolist()
    np.testing.assert_allclose(one.scores, two.scores, atol=1e-5)
    np.testing.assert_allclose(one.embeddings, two.embeddings, atol=1e-4)


@pytest.mark.slow
def test_the_whole_demo_reaches_its_uar(tmp_path):
    """The README's first command as it stands, from an empty cache: minutes."""
    environment = environment_with(HF_HOME=str(tmp_path / "hf"))
    environment.pop("OMP_NUM_THREADS", None)  # conftest sets it for tensors smaller than these
    subprocess.run(["accelerate", "launch", str(ROOT / "train_hf.py")], cwd=tmp_path, env=environment, check=True)
    assert json.loads((tmp_path / "outputs" / "demo" / "eval_results.json").read_text())["test_uar"] >= 0.75


def test_a_training_that_finds_no_clips_leaves_no_settings_behind(tmp_path):
    """Otherwise the corrected command would be refused, for another `data_dir`."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError):
        train(
            [
                "--dataset",
                "dfew",
                "--data_dir",
                str(tmp_path / "empty"),
                "--fold",
                "1",
                "--output_dir",
                str(tmp_path / "out"),
            ]
        )
    assert not (tmp_path / "out" / "run.json").exists()
