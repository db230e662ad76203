"""The frame encoder, pretrained on clips without labels by the command, and a LOGO-Former that begins with it."""

import json
import shutil

import pytest
from dataset_trees import write_frames
from errors import check_named, raises_naming
from safetensors.torch import load_file
from small_runs import TINY, write_own

from logoformer_hf.cli import main
from logoformer_hf.data.trained_on import read_trained_on
from logoformer_hf.modeling_logoformer import LogoFormerModel
from logoformer_hf.training import masked_trainer, pretrain_clips
from logoformer_hf.training.masked_trainer import CollapseCheck, CollapseError
from logoformer_hf.training.pretrain_clips import PRETRAIN_CLIPS, check_unused
from logoformer_hf.training.settings import parse_arguments
from logoformer_hf.training.train import main as train

QUICK = ["--use_cpu", "True", "--dataloader_num_workers", "0", "--num_train_epochs", "2", "--validation_size", "0.25"]
QUICK += ["--per_device_train_batch_size", "4", "--disable_tqdm", "True"]
MODEL = ["--config_overrides", json.dumps(TINY)]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """As VoxCeleb2 has them: `id00001/abc/00001.mp4`, here folders of frames."""
    root = tmp_path_factory.mktemp("videos") / "voxlike"
    for number in range(16):
        write_frames(root / f"id{number // 4:05d}" / "abc" / f"{number % 4:05d}", 3, first=1 + 5 * number)
    return root


def pretrain(videos, output_dir, *arguments):
    folders = ["--cache_dir", str(output_dir.parent / "cache"), "--output_dir", str(output_dir)]
    pretrain_clips.main(["--data_dir", str(videos), *MODEL, *QUICK, *folders, *arguments])
    return output_dir


@pytest.fixture(scope="module")
def pretrained(videos, tmp_path_factory):
    return pretrain(videos, tmp_path_factory.mktemp("pretrained") / "out")


def test_it_writes_a_model_without_a_classifier_and_what_it_explains(pretrained):
    results = json.loads((pretrained / "pretraining.json").read_text())
    assert results["clips_per_split"] == {"train": 12, "validation": 4}
    assert {f"held_out_explained_{name}" for name in masked_trainer.SHARES} < results.keys()
    assert results["held_out_explained_differences"] < 1
    names = load_file(pretrained / "model.safetensors")
    assert any(name.startswith("backbone.") for name in names)
    assert not any("classifier" in name or "head" in name for name in names)
    model, loaded = LogoFormerModel.from_pretrained(pretrained, output_loading_info=True)
    assert not loaded["missing_keys"] and not loaded["unexpected_keys"] and model.config.num_frames == 16
    [training] = read_trained_on(pretrained / "trained_on.parquet").trainings
    assert (training.part.data.dataset, training.select_on) == ("videos", "last")
    assert (len(training.train), len(training.validation)) == (12, 4)
    logs = json.loads((pretrained / "trainer_state.json").read_text())["log_history"]
    of_epochs = [log for log in logs if "eval_explained_look" in log]
    assert len(of_epochs) == 2 and all(log["eval_explained_differences"] < 1 for log in of_epochs)


@pytest.mark.parametrize("option", ["--backbone_checkpoint", "--model_name_or_path"])
def test_a_training_begins_with_its_weights(pretrained, tmp_path, option):
    clips = write_own(tmp_path / "clips", 100)
    model = ["--model", "base", *MODEL] if option == "--backbone_checkpoint" else []
    frozen = ["--learning_rate", "0", "--weight_decay", "0", "--freeze_batch_norm", "True", option, str(pretrained)]
    folders = ["--cache_dir", str(tmp_path / "cache"), "--output_dir", str(tmp_path / "out")]
    train(["--dataset", "clips", "--data_dir", str(clips), *model, *QUICK, *frozen, *folders])
    first, then = load_file(pretrained / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    of_encoder = [name for name in first if name.startswith("backbone.") and "num_batches" not in name]
    assert len(of_encoder) > 10 and all(first[name].equal(then[f"logoformer.{name}"]) for name in of_encoder)
    layers = [
        name for name in first if name.startswith("layers.") and name.endswith("weight") and first[name].ndim > 1
    ]
    assert len(layers) > 3
    is_kept = {first[name].equal(then[f"logoformer.{name}"]) for name in layers}
    assert is_kept == {option == "--model_name_or_path"}
    record = read_trained_on(tmp_path / "out" / "trained_on.parquet")
    assert [training.part.data.dataset for training in record.trainings] == ["videos", "clips"]


def test_clips_that_it_was_pretrained_on_are_not_tested(pretrained, videos, tmp_path):
    clips = write_own(tmp_path / "clips", 100)
    shutil.copytree(videos / "id00000" / "abc" / "00001", clips / "test" / "sad" / "copy")
    source = ["--dataset", "clips", "--data_dir", str(clips), "--cache_dir", str(tmp_path / "cache")]
    weights = ["--backbone_checkpoint", str(pretrained), "--model", "base", *MODEL]
    with raises_naming(ValueError, "trained on", "copy"):
        train([*source, *weights, *QUICK, "--output_dir", str(tmp_path / "out")])


def test_it_goes_on_where_it_was_stopped(videos, pretrained, tmp_path, monkeypatch, capsys):
    """To the same weights; a finished one is not done again, and its folder is none of other settings or of train."""
    out = tmp_path / "out"

    def stop(*arguments):
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr(pretrain_clips, "write_model", stop)
        pretrain(videos, out)
    shutil.rmtree(max(out.glob("checkpoint-*")))
    pretrain(videos, out)
    check_named(capsys.readouterr().out, "goes on from", "checkpoint-3")
    first, then = load_file(pretrained / "model.safetensors"), load_file(out / "model.safetensors")
    assert all(first[name].equal(then[name]) for name in first)
    before = (out / "model.safetensors").stat().st_mtime_ns
    pretrain(videos, out)
    assert (out / "model.safetensors").stat().st_mtime_ns == before
    with raises_naming(ValueError, out, "learning_rate"):
        pretrain(videos, out, "--learning_rate", "0.1")
    with raises_naming(ValueError, out, "dataset 'videos'"):
        source = ["--dataset", "clips", "--data_dir", str(write_own(tmp_path / "clips", 100))]
        train([*source, "--model", "base", *MODEL, *QUICK, "--output_dir", str(out)])


def test_shards_without_labels_are_prepared_and_pretrained_on_but_no_training_takes_them(videos, tmp_path):
    cache, shards = ["--cache_dir", str(tmp_path / "cache")], tmp_path / "shards"
    source = ["--dataset", "videos", "--data_dir", str(videos), *cache]
    main(["prepare", *source, "--output_dir", str(shards), "--num_workers", "0"])
    out = pretrain(shards, tmp_path / "out", "--dataset", "prepared", "--max_steps", "1")
    assert json.loads((out / "pretraining.json").read_text())["clips_per_split"] == {"train": 12, "validation": 4}
    for of_clips in (source, ["--dataset", "prepared", "--data_dir", str(shards), *cache]):
        with raises_naming(ValueError, "voxlike", "no labels", "pretrain-clips"):
            train([*of_clips, *MODEL, *QUICK, "--output_dir", str(tmp_path / "train")])


def test_labels_are_not_looked_at_and_test_clips_left_out(videos, tmp_path):
    """Other labels of the same clips give the same weights."""
    paths = sorted(path.relative_to(videos).as_posix() for path in videos.glob("*/*/*"))
    found = []
    for names in (["happy", "sad"] * 8, ["angry"] * 8 + ["fear", "sad"] * 4):
        lines = [f"{path},{name}" for path, name in zip(paths, names, strict=True)]
        (tmp_path / f"{names[0]}.csv").write_text("\n".join(["path,label", *lines]))
        listed = ["--dataset", "clips", "--list_file", str(tmp_path / f"{names[0]}.csv"), "--max_steps", "2"]
        out = pretrain(videos, tmp_path / names[0] / "out", *listed)
        found.append(load_file(out / "model.safetensors"))
    assert all(found[0][name].equal(found[1][name]) for name in found[0])
    (tmp_path / "split.csv").write_text(
        "\n".join(["path,label,split", *(f"{path},happy,{'test' if path == paths[0] else 'train'}" for path in paths)])
    )
    with raises_naming(ValueError, "15 clips"):
        pretrain(videos, tmp_path / "out", "--dataset", "clips", "--list_file", str(tmp_path / "split.csv"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--train_share", "0.5"], "train_share"),
        (["--test_views", "4"], "test_views"),
        (["--labels", "happy", "sad"], "labels"),
        (["--compact_loss", "none"], "compact_loss"),
        (["--class_balanced_sampling", "True"], "class_balanced_sampling"),
        (["--load_best_model_at_end", "True"], "load_best_model_at_end"),
        (["--logit_adjustment", "1"], "logit_adjustment"),
        (["--mixup_alpha", "0.4"], "mixup_alpha"),
        (["--freeze_batch_norm", "True"], "freeze_batch_norm"),
        (["--dataset", "dfew", "--fold", "all"], "fold"),
    ],
)
def test_options_about_labels_are_refused(arguments, named):
    with raises_naming(ValueError, f"`{named}`"):
        check_unused(parse_arguments(["--data_dir", "x", *arguments], PRETRAIN_CLIPS))


def test_what_is_no_clip_is_told_before_the_training(videos, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "read_me.txt").write_text("nothing")
    with raises_naming(ValueError, empty, "no clips", "read_me.txt"):
        pretrain(empty, tmp_path / "out")
    few = tmp_path / "few"
    shutil.copytree(videos / "id00000", few / "id00000")
    with raises_naming(ValueError, "few", "4 clips", "16"):
        pretrain(few, tmp_path / "out")
    broken = tmp_path / "broken"
    shutil.copytree(videos, broken)
    (broken / "id00001" / "no.mp4").write_bytes(b"no video")
    with raises_naming(ValueError, "no.mp4"):
        pretrain(broken, tmp_path / "out")
    with raises_naming(ValueError, "`validation_size`", "1.5"):
        pretrain(videos, tmp_path / "out", "--validation_size", "1.5")
    with raises_naming(ValueError, "--model_name_or_path", "--backbone_checkpoint"):
        parse_arguments(["--data_dir", "x", "--model_name_or_path", "y"], PRETRAIN_CLIPS)
    assert not (tmp_path / "out" / "pretraining.json").exists()


def test_a_collapse_is_named_and_the_same_command_does_not_go_on(videos, tmp_path, monkeypatch):
    """With a learning rate of zero nothing is ever explained."""
    monkeypatch.setattr(CollapseCheck, "FIRST_STEP", 1)
    monkeypatch.setattr(CollapseCheck, "PATIENCE", 2)
    for _ in range(2):
        with raises_naming(CollapseError, "collapsed", "learning_rate", "explained_differences"):
            pretrain(videos, tmp_path / "out", "--learning_rate", "0", "--logging_steps", "1")
        assert (tmp_path / "out" / "collapsed.json").exists()
        assert not (tmp_path / "out" / "pretraining.json").exists()


@pytest.mark.parametrize(
    ("explained", "step", "is_refused"), [(0.5, 900, False), (0.01, 900, True), (0.01, 240, False)]
)
def test_a_collapse_is_five_bad_logs_after_a_quarter_of_the_steps(explained, step, is_refused):
    check = CollapseCheck()
    bad, good = ({"explained_differences": value} for value in (explained, 0.5))
    for _ in range(4):
        check.look(bad, step, 1000)
    check.look(good, step, 1000)
    for _ in range(4):
        check.look(bad, step, 1000)
    if is_refused:
        with raises_naming(CollapseError, f"{step} of 1000"):
            check.look(bad, step, 1000)
    else:
        check.look(bad, step, 1000)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--per_device_train_batch_size", "1"], "per_device_train_batch_size"),
        (["--num_train_epochs", "0"], "num_train_epochs"),
        (["--learning_rate", "nan"], "learning_rate"),
        (["--logging_strategy", "no"], "logging_strategy"),
        (["--validation_size", "0"], "validation_size"),
        (["--config_overrides", '{"nosuch": 1}'], "nosuch"),
        (["--config_overrides", '{"image_size": 16}'], "image_size"),
        (["--backbone_checkpoint", "nosuch"], "nosuch"),
    ],
)
def test_what_cannot_be_trained_leaves_no_folder_of_a_run(videos, tmp_path, arguments, named):
    with raises_naming((ValueError, OSError), named):
        pretrain(videos, tmp_path / "out", *arguments)
    assert not (tmp_path / "out" / "run.json").exists() and not (tmp_path / "out" / "trained_on.parquet").exists()


def test_all_clips_held_out(videos, tmp_path):
    with raises_naming(ValueError, "`validation_size`", "0 of 16"):
        pretrain(videos, tmp_path / "out", "--validation_size", "0.999")


def test_a_folder_with_another_model_is_left_alone(videos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "config.json").write_text("mine")
    with raises_naming(ValueError, tmp_path / "out", "config.json"):
        pretrain(videos, tmp_path / "out")
    assert (tmp_path / "out" / "config.json").read_text() == "mine"
