"""One protocol for every model: tiny random ones of each kind, saved with their own processors."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import (
    AutoVideoProcessor,
    BertConfig,
    TimesformerConfig,
    TimesformerForVideoClassification,
    TimesformerVideoProcessor,
    VideoMAEConfig,
    VideoMAEForPreTraining,
    VideoMAEForVideoClassification,
    VideoMAEVideoProcessor,
    VivitConfig,
    VivitForVideoClassification,
    VivitVideoProcessor,
    VJEPA2Config,
    VJEPA2ForVideoClassification,
    VJEPA2VideoProcessor,
)

from logoformer_hf import (
    EXPRESSIONS,
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerVideoProcessor,
)
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.models.heads import set_labels
from logoformer_hf.models.inputs import model_inputs, reading_processor
from logoformer_hf.models.loading import load_model, load_trained_model, new_model
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.trainer import LogoFormerTrainer

SHARED = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SQUARE = {"crop_size": {"height": 32, "width": 32}}
# Each with another number of frames, so that none can be read with another's.
KINDS = {
    "logoformer": (
        lambda **labels: LogoFormerForVideoClassification(
            LogoFormerConfig.tiny(image_size=32, num_frames=6, **labels)
        ),
        lambda: LogoFormerVideoProcessor(size={"shortest_edge": 36}, num_frames=6, **SQUARE),
        6,
    ),
    "videomae": (
        lambda **labels: VideoMAEForVideoClassification(
            VideoMAEConfig(image_size=32, num_frames=4, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: VideoMAEVideoProcessor(size={"shortest_edge": 36}, **SQUARE),
        4,
    ),
    "timesformer": (
        lambda **labels: TimesformerForVideoClassification(
            TimesformerConfig(image_size=32, num_frames=3, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: TimesformerVideoProcessor(
            do_center_crop=False, size={"height": 32, "width": 32}, crop_size={"height": 99, "width": 99}
        ),
        3,
    ),
    "vivit": (
        lambda **labels: VivitForVideoClassification(
            VivitConfig(image_size=32, num_frames=8, intermediate_size=32, **SHARED, **labels)
        ),
        lambda: VivitVideoProcessor(size={"shortest_edge": 36}, **SQUARE),
        8,
    ),
    "vjepa2": (
        lambda **labels: VJEPA2ForVideoClassification(
            VJEPA2Config(
                **SHARED | {"hidden_size": 24},  # in turns of three for its positions
                crop_size=32,
                frames_per_clip=10,
                mlp_ratio=2,
                num_pooler_layers=1,
                pred_hidden_size=24,
                pred_num_attention_heads=2,
                pred_num_hidden_layers=1,
                pred_num_mask_tokens=1,
                **labels,
            )
        ),
        lambda: VJEPA2VideoProcessor(**SQUARE),
        10,
    ),
}


def save(folder: Path, kind: str, label_names=EXPRESSIONS) -> Path:
    make_model, make_processor, _ = KINDS[kind]
    torch.manual_seed(0)
    names = dict(enumerate(label_names))
    make_model(id2label=names, label2id={name: number for number, name in names.items()}).save_pretrained(folder)
    make_processor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder of each kind, with the seven expressions."""
    return {kind: save(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


class VideoClips(torch.utils.data.Dataset):
    """Clips of files, read by a processor."""

    def __init__(self, videos: list[Path], processor: LogoFormerVideoProcessor):
        self.frames = processor(videos, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"]

    def __len__(self):
        return len(self.frames)

    def __getitem__(self, index):
        return {"frames": self.frames[index], "label": index % 7}


@pytest.fixture(scope="module")
def videos(tmp_path_factory, write_video) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / f"{number}.mp4", 20, codec="mpeg4", seed=number) for number in range(3)]


# --- clips


@pytest.mark.parametrize("kind", KINDS)
def test_clips_are_read_as_the_models_own_processor_says(kind, saved, videos):
    """Bit for bit the pixel values that the processor gives for the same frames, as files at their own size."""
    model, processor, _ = load_model(saved[kind], EXPRESSIONS)
    reading = reading_processor(processor, model)
    num_frames = KINDS[kind][2]
    keep_all = {"do_rescale": False, "do_normalize": False, "return_tensors": "pt"}
    frames = reading(videos, **keep_all)["pixel_values"]
    assert (reading is processor) == (kind == "logoformer")
    assert frames.dtype == torch.uint8 and frames.shape == (3, num_frames, 3, 32, 32)
    inputs = model_inputs(processor, frames)

    untouched = reading(videos, do_resize=False, do_center_crop=False, **keep_all)["pixel_values"]
    expected = AutoVideoProcessor.from_pretrained(saved[kind])(
        list(untouched), do_sample_frames=False, return_tensors="pt"
    )
    assert set(inputs) == set(expected) == {model.main_input_name}
    assert torch.equal(inputs[model.main_input_name], expected[model.main_input_name])
    assert inputs[model.main_input_name].dtype == torch.float32
    # Training crops at random instead, to the same size.
    transforms = TrainingTransforms(reading.crop_size["height"])
    assert transforms(untouched[0], seed=0).shape == (num_frames, 3, 32, 32)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_with_the_compact_loss_and_predicts(kind, saved, videos, tmp_path):
    model, processor, _ = load_model(saved[kind], EXPRESSIONS)
    nn.init.normal_(model.classifier.weight)  # new ones are so small that the compact loss would be logged as 0
    clips = VideoClips(videos, reading_processor(processor, model))
    arguments = LogoFormerTrainingArguments(
        output_dir=str(tmp_path),
        compact_loss="margin",
        compact_loss_weight=0.5,
        max_steps=1,
        per_device_train_batch_size=2,
        per_device_eval_batch_size=2,
        gradient_accumulation_steps=2,
        logging_steps=1,
        eval_strategy="steps",
        save_strategy="steps",
        save_steps=1,
        dataloader_num_workers=0,
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = LogoFormerTrainer(
        model=model,
        args=arguments,
        train_dataset=clips,
        eval_dataset=clips,
        data_collator=collate_clips,
        processing_class=processor,
        compute_metrics=lambda predictions: {"uar": float(predictions.predictions.shape == (3, 7))},
    )
    before = model.classifier.weight.detach().clone()
    trainer.train()
    assert not torch.equal(trainer.model.classifier.weight, before)
    log = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert log["compact_loss"] > 0
    assert log["loss"] == pytest.approx(log["cross_entropy"] + 0.5 * log["compact_loss"], abs=2e-4)
    assert trainer.state.best_metric == 1.0  # validation gathered logits alone

    predictions = trainer.predict_clips(clips)
    assert predictions.labels.tolist() == [0, 1, 2]
    with torch.inference_mode():
        inputs = model_inputs(processor, clips.frames)
        torch.testing.assert_close(torch.tensor(predictions.logits), trainer.model.eval()(**inputs).logits)
        from_embeddings = trainer.model.classifier(torch.tensor(predictions.embeddings))
    torch.testing.assert_close(torch.tensor(predictions.logits), from_embeddings)

    # What was saved along the way loads again, with its processor and labels.
    again, processor_again, class_numbers = load_trained_model(tmp_path / "checkpoint-1", EXPRESSIONS)
    assert type(again) is type(model) and type(processor_again) is type(processor)
    assert class_numbers == list(range(7))


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


def test_reading_draws_nothing_from_the_global_generator(saved):
    model, processor, _ = load_model(saved["videomae"], EXPRESSIONS)
    torch.manual_seed(0)
    reading_processor(processor, model)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(3), drawn)


def test_processors_that_cannot_be_followed_are_refused(saved):
    model = load_model(saved["videomae"], EXPRESSIONS)[0]

    class Inverting(VideoMAEVideoProcessor):
        def _preprocess(self, videos, **kwargs):
            return super()._preprocess([255 - video for video in videos], **kwargs)

    with pytest.raises(ValueError, match="Inverting does more to frames than to resize"):
        reading_processor(Inverting(**SQUARE), model)
    for settings in (
        {"crop_size": {"height": 32, "width": 48}},
        {"do_center_crop": False, "size": {"shortest_edge": 32}},
    ):
        with pytest.raises(ValueError, match=r"VideoMAEVideoProcessor gives frames of .*one square size"):
            reading_processor(VideoMAEVideoProcessor(**settings), model)


# --- labels


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_the_classifier_move_with_their_label(kind, saved, tmp_path):
    save(tmp_path, kind, ["Anger", "contempt", "Happiness", "Sad"])
    before, processor, _ = load_trained_model(tmp_path, ["contempt", "sad"])
    model, _, sentence = load_model(tmp_path, ["happy", "bored", "angry"])
    assert model.config.id2label == {0: "happy", 1: "bored", 2: "angry"}
    assert model.config.label2id == {"happy": 0, "bored": 1, "angry": 2}
    assert model.config.num_labels == model.num_labels == 3
    assert "classes kept: happy ('Happiness' there), angry ('Anger' there); new classes: bored." in sentence
    assert str(tmp_path) in sentence and f"{kind}, clips of {KINDS[kind][2]} frames" in sentence

    frames = torch.arange(KINDS[kind][2] * 3 * 32 * 32).view(1, -1, 3, 32, 32).remainder(251).to(torch.uint8)
    inputs = model_inputs(processor, frames)
    with torch.inference_mode():
        old, new = before.eval()(**inputs).logits, model.eval()(**inputs).logits
    torch.testing.assert_close(new[:, [0, 2]], old[:, [2, 0]])


def test_a_checkpoint_without_a_classifier_gets_one(tmp_path, saved):
    decoder = {f"decoder_{name}": value for name, value in (SHARED | {"intermediate_size": 32}).items()}
    names = {0: "happy", 1: "sad"}  # a configuration can name classes that no weights were trained for
    config = VideoMAEConfig(
        image_size=32, num_frames=4, intermediate_size=32, **SHARED, **decoder, id2label=names,
        label2id={"happy": 0, "sad": 1},
    )  # fmt: skip
    VideoMAEForPreTraining(config).save_pretrained(tmp_path)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    model, _, sentence = load_model(tmp_path, ["happy", "sad"])
    assert "its checkpoint has no classifier; new classes: happy, sad." in sentence
    assert model.classifier.weight.abs().max() > 0 and not model.classifier.bias.any()
    with pytest.raises(ValueError, match="videomae has no trained classifier; fine-tune it first"):
        load_trained_model(tmp_path, ["happy", "sad"])

    backbone = KINDS["vjepa2"][0](id2label=names, label2id={"happy": 0, "sad": 1}).vjepa2
    backbone.save_pretrained(tmp_path)
    KINDS["vjepa2"][1]().save_pretrained(tmp_path)
    model, _, sentence = load_model(tmp_path, ["happy", "sad"])
    assert "its checkpoint has no classifier; new classes: happy, sad." in sentence
    loaded = model.vjepa2.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in backbone.state_dict().items())


def test_classes_of_a_data_set_are_found_by_name(saved, tmp_path):
    save(tmp_path, "videomae", ["angry", "Disgust", "Fear", "Happiness", "neutral", "sad", "Surprised"])
    assert load_trained_model(tmp_path, EXPRESSIONS)[2] == [3, 5, 4, 0, 6, 1, 2]
    assert load_trained_model(saved["vivit"], ["sadness", "Joy"])[2] == [1, 0]
    with pytest.raises(ValueError, match=r"no class contempt, bored; its classes are happy, sad, .*fear\. Leave"):
        load_trained_model(saved["logoformer"], ["happy", "contempt", "bored"])


def test_names_of_the_same_meaning_are_refused(saved, tmp_path):
    with pytest.raises(ValueError, match="'happy' and 'Joy' of the labels mean the same"):
        load_model(saved["videomae"], ["happy", "sad", "Joy"])
    save(tmp_path, "videomae", ["happy", "Happiness", "sad"])
    with pytest.raises(ValueError, match="'happy' and 'Happiness' of the model's classes mean the same"):
        load_model(tmp_path, ["happy", "sad"])
    load_model(tmp_path, ["sad", "fear"])  # nobody asks for the doubtful one


def test_labels_that_make_no_classifier_are_refused(saved):
    for names in (["sad"], ["sad", "sad"], []):
        with pytest.raises(ValueError):
            load_model(saved["videomae"], names)
    model = VideoMAEForVideoClassification(VideoMAEConfig(num_labels=0, **SHARED, intermediate_size=32))
    with pytest.raises(ValueError, match="VideoMAEForVideoClassification is Identity; it must be a linear output"):
        set_labels(model, ["happy", "sad"], known={})


# --- what is no model


def test_what_is_no_video_classifier_is_named(saved, tmp_path):
    accepted = "Accepted: a saved logoformer, timesformer, .*vjepa2"
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"is a bert, no video classifier. {accepted}"):
        load_model(tmp_path, EXPRESSIONS)
    (tmp_path / "config.json").write_text('{"model_type": "slowfast"}')
    with pytest.raises(ValueError, match=f"slowfast.*{accepted}"):
        load_model(tmp_path, EXPRESSIONS)
    with pytest.raises(ValueError, match=r"model.safetensors is a file; .*--backbone_checkpoint"):
        load_model(saved["vivit"] / "model.safetensors", EXPRESSIONS)
    with pytest.raises(OSError, match="/nowhere/model is neither the folder of a saved model nor a name on the Hub"):
        load_model("/nowhere/model", EXPRESSIONS)


def test_a_missing_processor_or_backbone_is_named(saved, tmp_path):
    make_model = KINDS["videomae"][0]
    model = make_model(num_labels=7)
    model.save_pretrained(tmp_path)
    with pytest.raises(OSError, match="no video processor beside the model"):
        load_model(tmp_path, EXPRESSIONS)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    weights = {name: tensor for name, tensor in model.state_dict().items() if "patch_embeddings" not in name}
    model.save_pretrained(tmp_path, state_dict=weights)
    with pytest.raises(ValueError, match=r"2 tensors of the videomae are not in the checkpoint, e.g. videomae\."):
        load_model(tmp_path, EXPRESSIONS)


def test_weights_are_float32_whatever_the_file_holds(tmp_path):
    KINDS["videomae"][0](num_labels=7).to(torch.float16).save_pretrained(tmp_path)
    KINDS["videomae"][1]().save_pretrained(tmp_path)
    assert load_model(tmp_path, EXPRESSIONS)[0].dtype == torch.float32


# --- new models


def test_new_models(tmp_path):
    model, processor, sentence = new_model("tiny", ["sad", "happy"], {"image_size": 32, "num_frames": 4})
    assert model.config.id2label == {0: "sad", 1: "happy"} and model.config.hidden_size == 64
    assert (processor.num_frames, processor.size["shortest_edge"], processor.crop_size["height"]) == (4, 32, 32)
    assert sentence == "new LOGO-Former tiny."
    assert new_model("small", EXPRESSIONS)[0].config.hidden_size == 256
    assert reading_processor(processor, model) is processor


def test_a_pretrained_frame_encoder_brings_its_normalisation(tmp_path):
    weights = new_model("tiny", EXPRESSIONS)[0].logoformer.backbone.state_dict()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 1, 1]}')
    model, processor, sentence = new_model("tiny", EXPRESSIONS, backbone_checkpoint=tmp_path)
    assert processor.image_mean == [0.1, 0.2, 0.3] and "tensors loaded" in sentence
    loaded = model.logoformer.backbone.state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in weights.items())
