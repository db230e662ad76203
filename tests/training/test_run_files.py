"""What a finished training leaves: predictions before pictures, card and report, and clips that cannot be read."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from dataset_trees import dfew_fold
from errors import check_named, raises_naming
from safetensors.torch import load_file

from logoformer_hf import VideoReadError
from logoformer_hf.data.problems import read_problems
from logoformer_hf.evaluation import report_files
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.models.finite import NonFiniteError
from logoformer_hf.training import run_files
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.run_files import changes_of_training
from logoformer_hf.training.train import main as train

SMALL = '{"image_size": 32, "num_frames": 4, "num_hidden_layers": 1}'


def run_fold(dfew_tree: Path, output_dir: Path, arguments: Sequence[str] = ()) -> None:
    """Trains for two epochs of two steps on fold 1, in this process."""
    settings = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--fold", "1", "--validation_size", "0.25"]
    settings += ["--cache_dir", str(output_dir.parent / "cache"), "--output_dir", str(output_dir)]
    settings += ["--config_overrides", SMALL, "--use_cpu", "True", "--dataloader_num_workers", "0"]
    train([*settings, "--num_train_epochs", "2", "--save_total_limit", "9", *arguments])


def test_a_card_says_what_is_done_to_clips_and_losses(tmp_path):
    args = {"output_dir": str(tmp_path), "use_cpu": True}
    assert changes_of_training(LogoFormerTrainingArguments(**args)) == {}
    changed = {"mixup_alpha": 0.4, "mixup_kind": "time", "label_smoothing_factor": 0.1, "logit_adjustment": 0.5}
    changes = changes_of_training(LogoFormerTrainingArguments(**args, **changed, ema_decay=0.9))
    assert changes == {
        "mixtures of clips": "alpha 0.4, time",
        "label smoothing": 0.1,
        "logit adjustment": 0.5,
        "averaged weights": 0.9,
    }
    balanced = LogoFormerTrainingArguments(**args, class_balanced_sampling=True)
    assert changes_of_training(balanced) == {"classes": "drawn equally often"}


def last_checkpoint(folder: Path) -> Path:
    return max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))


def test_what_fails_after_the_predictions_is_a_warning_and_is_mended_by_a_repeat(
    dfew_tree, tmp_path, monkeypatch, caplog
):
    def fail(*args, **kwargs):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        for name in ("plot_confusion_matrix", "plot_training_curves", "write_model_card"):
            patched.setattr(run_files, name, fail)
        for name in ("plot_confusion_matrix", "plot_recalls", "format_report"):
            patched.setattr(report_files, name, fail)
        run_fold(dfew_tree, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"predictions.parquet", "model.safetensors", "eval_results.json"} < names
    late = ["confusion_matrix.png", "training_curves.png", "README.md"]
    assert names.isdisjoint([*late, "report.md"])
    check_named(caplog.text, *late, "the report", "No space left on device")

    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.is_file()}
    caplog.clear()
    run_fold(dfew_tree, tmp_path / "out")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir() if path.is_file()}
    assert {*late, "report.md", "recalls.png"} <= after.keys() and not caplog.text
    assert all(after[name] == before[name] for name in ("predictions.parquet", "model.safetensors"))
    results = json.loads((tmp_path / "out" / "eval_results.json").read_text())
    check_named((tmp_path / "out" / "README.md").read_text(), "| weight decay |")
    assert results["clips_per_split"] == {"train": 21, "validation": 7, "test": 7}
    check_named((tmp_path / "out" / "README.md").read_text(), f"{100 * results['test_uar']:.2f}", "21")


def test_nothing_to_draw_loses_no_test(dfew_tree, tmp_path, caplog):
    """Without logs there are no curves."""
    quiet = ["--logging_strategy", "no", "--eval_strategy", "no", "--load_best_model_at_end", "False"]
    run_fold(dfew_tree, tmp_path / "out", quiet)
    assert (tmp_path / "out" / "predictions.parquet").exists() and (tmp_path / "out" / "report.md").exists()
    check_named(caplog.text, "training_curves.png", "log_history")


@pytest.fixture(scope="module")
def stopped_run(dfew_tree, tmp_path_factory) -> tuple[Path, Path, list[str]]:
    """
    As after a kill in the second epoch, with two clips that break after their first frame meanwhile.

    Returns:
        The data set, the folder of the run, and the broken clips: one to train on and one to test on.
    """
    folder = tmp_path_factory.mktemp("stopped")
    tree = shutil.copytree(dfew_tree, folder / "DFEW")
    run_fold(tree, folder / "out")
    held_out = json.loads((folder / "out" / "validation_clips.json").read_text())
    assert len(held_out) == 7
    for name in ("predictions.parquet", "model.safetensors", "eval_results.json"):
        (folder / "out" / name).unlink()
    shutil.rmtree(last_checkpoint(folder / "out"))
    clips = sorted(path.name for path in (tree / "Clip" / "jpg_256").iterdir())
    broken = [
        next(clip for clip in clips if dfew_fold(int(clip)) != 1 and clip not in held_out),
        next(clip for clip in clips if dfew_fold(int(clip)) == 1),
    ]
    for clip in broken:
        frames = sorted((tree / "Clip" / "jpg_256" / clip).iterdir())
        for file in {*frames} - {frames[0], frames[len(frames) // 2], frames[-1]}:
            file.write_bytes(bytes(file.stat().st_size))  # the identifier of the clip stays the same
    return tree, folder / "out", broken


def test_a_clip_that_breaks_later_stops_with_advice_and_the_same_run_goes_on_without_it(stopped_run, tmp_path, capsys):
    tree, stopped, (train_clip, test_clip) = stopped_run
    output_dir = shutil.copytree(stopped, tmp_path / "out")
    held_out = (output_dir / "validation_clips.json").read_text()
    with raises_naming(VideoReadError, train_clip, output_dir, "--on_problem skip"):
        run_fold(tree, output_dir)
    assert last_checkpoint(output_dir) == output_dir / last_checkpoint(stopped).name

    capsys.readouterr()
    run_fold(tree, output_dir, ["--on_problem", "skip"])
    assert last_checkpoint(stopped).name in capsys.readouterr().out  # it went on
    assert {problem.clip_id for problem in read_problems(output_dir / "problems.csv")} == {train_clip, test_clip}
    predictions = read_predictions(output_dir / "predictions.parquet")
    assert test_clip not in predictions.clip_ids and len(predictions.clip_ids) == 6
    assert predictions.run.left_out == [test_clip]
    report = json.loads((output_dir / "report.json").read_text())
    assert report["clips"] == {"listed": 7, "left_out": 1, "tested": 6, "left_out_ids": [test_clip]}
    assert (output_dir / "validation_clips.json").read_text() == held_out


def test_a_full_check_on_a_resume_leaves_the_same_clips_held_out(stopped_run, tmp_path):
    tree, stopped, (train_clip, test_clip) = stopped_run
    output_dir = shutil.copytree(stopped, tmp_path / "out")
    run_fold(tree, output_dir, ["--on_problem", "skip", "--check", "full"])
    assert {problem.clip_id for problem in read_problems(output_dir / "problems.csv")} == {train_clip, test_clip}
    results = json.loads((output_dir / "eval_results.json").read_text())
    assert results["clips_per_split"] == {"train": 20, "validation": 7, "test": 6}
    assert read_predictions(output_dir / "predictions.parquet").run.left_out == [test_clip]


def test_a_training_that_diverges_leaves_no_result(dfew_tree, tmp_path):
    with raises_naming(NonFiniteError, "learning_rate"):
        run_fold(dfew_tree, tmp_path / "out", ["--optim", "sgd", "--learning_rate", "1e38"])
    assert not any((tmp_path / "out" / name).exists() for name in ("predictions.parquet", "model.safetensors"))
    for file in (tmp_path / "out").glob("checkpoint-*/model.safetensors"):
        assert all(bool(tensor.isfinite().all()) for tensor in load_file(file).values())
