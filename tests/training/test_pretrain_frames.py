"""The frame encoder, pretrained on stills by the command, and a LOGO-Former that begins with it."""

import json

import pytest
from errors import check_named, raises_naming
from safetensors.torch import load_file
from small_runs import TINY, write_own
from still_trees import still, write_fer2013, write_stills
from transformers import AutoModelForVideoClassification

import logoformer_hf
from logoformer_hf.cli import main
from logoformer_hf.data.trained_on import read_trained_on
from logoformer_hf.evaluation.predictions import read_predictions
from logoformer_hf.training.pretrain_frames import PRETRAIN_FRAMES, FrameEncoderArguments
from logoformer_hf.training.settings import parse_arguments
from logoformer_hf.training.train import main as train

QUICK = ["--use_cpu", "True", "--dataloader_num_workers", "0", "--num_train_epochs", "1", "--validation_size", "0.25"]
MODEL = ["--config_overrides", json.dumps(TINY)]
BACKBONE = "logoformer.backbone."


@pytest.fixture(scope="module")
def stills(tmp_path_factory):
    return write_stills(tmp_path_factory.mktemp("stills") / "mine", ["train", "test"], ["happy", "sad"], each=8)


@pytest.fixture(scope="module")
def pretrained(stills, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    cache = ["--cache_dir", str(folder / "cache"), "--output_dir", str(folder / "out")]
    main(["pretrain-frames", "--data_dir", str(stills), *MODEL, *QUICK, *cache])
    return folder / "out"


def test_a_still_is_a_clip_of_one_frame(pretrained):
    config = json.loads((pretrained / "config.json").read_text())
    assert (config["num_frames"], config["num_hidden_layers"], config["image_size"]) == (1, 0, 32)
    assert json.loads((pretrained / "video_preprocessor_config.json").read_text())["num_frames"] == 1
    results = json.loads((pretrained / "eval_results.json").read_text())
    assert results["clips_per_split"] == {"train": 12, "validation": 4, "test": 16}
    model = read_predictions(pretrained / "predictions.parquet").run.model
    assert model.startswith("frame encoder of LOGO-Former base")
    settings = json.loads((pretrained / "run.json").read_text())
    assert settings["config_overrides"]["num_hidden_layers"] == 0
    assert settings["per_device_train_batch_size"] == 128
    card = (pretrained / "README.md").read_text()
    check_named(card, "--backbone_checkpoint", "single frames", "mine")
    assert "window" not in card.split("## Results")[0]


def test_a_logo_former_begins_with_its_frame_encoder(pretrained, tmp_path, capsys):
    processor = pretrained / "video_preprocessor_config.json"
    before = processor.read_text()
    processor.write_text(json.dumps(json.loads(before) | {"image_mean": [0.1, 0.2, 0.3]}))
    clips = write_own(tmp_path / "clips", 100)
    frozen = ["--learning_rate", "0", "--freeze_batch_norm", "True", "--backbone_checkpoint", str(pretrained)]
    folders = ["--cache_dir", str(tmp_path / "cache"), "--output_dir", str(tmp_path / "out")]
    try:
        train(["--dataset", "clips", "--data_dir", str(clips), "--model", "base", *MODEL, *QUICK, *frozen, *folders])
    finally:
        processor.write_text(before)
    check_named(capsys.readouterr().out, pretrained, "video_preprocessor_config.json", "[0.1, 0.2, 0.3]")
    first, then = load_file(pretrained / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    of_encoder = [name for name in first if name.startswith(BACKBONE) and "num_batches" not in name]
    assert len(of_encoder) > 10 and all(first[name].equal(then[name]) for name in of_encoder)
    assert not any(name.startswith("logoformer.layers") for name in first)
    record = read_trained_on(tmp_path / "out" / "trained_on.parquet")
    assert [training.part.data.dataset for training in record.trainings] == ["stills", "clips"]
    saved = json.loads((tmp_path / "out" / "video_preprocessor_config.json").read_text())
    assert saved["image_mean"] == [0.1, 0.2, 0.3] and saved["num_frames"] == 16


def test_it_learns(tmp_path):
    """Dark is told from light."""
    root = write_stills(tmp_path / "greys", ["train", "test"], ["happy", "sad"], each=24)
    for place, path in enumerate(sorted(root.rglob("*.jpg"))):
        path.write_bytes(still(place + 150 * (path.parent.name == "sad")))
    main(
        [
            *("pretrain-frames", "--data_dir", str(root), *MODEL, *QUICK, "--num_train_epochs", "6"),
            *("--per_device_train_batch_size", "4", "--cache_dir", str(tmp_path / "cache")),
            *("--output_dir", str(tmp_path / "out")),
        ]
    )
    assert json.loads((tmp_path / "out" / "eval_results.json").read_text())["test_uar"] >= 0.9


def test_the_model_loads_and_reads_a_still(pretrained, stills):
    model = AutoModelForVideoClassification.from_pretrained(pretrained)
    processor = logoformer_hf.LogoFormerVideoProcessor.from_pretrained(pretrained)
    inputs = processor(str(next((stills / "test" / "sad").iterdir())), return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 1, 3, 32, 32)
    assert model(**inputs).logits.shape == (1, 2)


def test_pixels_of_a_table_are_prepared_and_trained_on(tmp_path):
    """As embedded images all the way; grey ones have three equal channels."""
    root = write_fer2013(tmp_path / "fer")
    source = ["--dataset", "fer2013", "--data_dir", str(root), "--on_problem", "skip"]
    cache = ["--cache_dir", str(tmp_path / "cache")]
    main(["prepare", *source, *cache, "--output_dir", str(tmp_path / "shards"), "--num_workers", "0"])
    prepared = ["--dataset", "prepared", "--data_dir", str(tmp_path / "shards")]
    for name, clips in (("table", source), ("shards", prepared)):
        main(["pretrain-frames", *clips, *cache, *MODEL, *QUICK, "--output_dir", str(tmp_path / name)])
        results = json.loads((tmp_path / name / "eval_results.json").read_text())
        assert results["clips_per_split"] == {"train": 14, "validation": 14, "test": 14}
    first, then = (read_predictions(tmp_path / name / "predictions.parquet") for name in ("table", "shards"))
    assert first.content_ids == then.content_ids and first.run.data.dataset == then.run.data.dataset == "fer2013"


def test_its_folder_is_none_of_train(pretrained, stills):
    with raises_naming(ValueError, pretrained, "config_overrides"):
        train(["--dataset", "stills", "--data_dir", str(stills), "--model", "base", "--output_dir", str(pretrained)])


def test_defaults_and_what_is_refused():
    settings = parse_arguments(["--data_dir", "x", "--recipe", "port"], PRETRAIN_FRAMES)
    assert (settings.source.dataset, settings.model.model, settings.training.optim) == ("stills", "base", "sgd")
    assert settings.training.per_device_train_batch_size == 128
    with raises_naming(ValueError, "--model_name_or_path", "--backbone_checkpoint"):
        parse_arguments(["--data_dir", "x", "--model_name_or_path", "y"], PRETRAIN_FRAMES)
    with raises_naming(ValueError, "data_dir"):
        parse_arguments([], PRETRAIN_FRAMES)
    assert FrameEncoderArguments("tiny").description == "frame encoder of LOGO-Former tiny"
    given = FrameEncoderArguments("tiny", '{"image_size": 96, "num_frames": 8}')
    assert given.description == "frame encoder of LOGO-Former tiny, image_size 96"
