"""Checkpoints carry their code: whoever has transformers, torch, torchvision and av can load them."""

import json
import os
import shutil

import pytest
import torch
from PIL import Image
from toys import RandomClips, new_model, toy_config, toy_trainer
from web import serving
from without_package import run_without_package

from logoformer_hf import (
    LogoFormerConfig,
    LogoFormerForVideoClassification,
    LogoFormerModel,
    LogoFormerVideoProcessor,
)
from logoformer_hf.hub.push import CODE

MODEL_MAP = {
    "AutoConfig": "configuration_logoformer.LogoFormerConfig",
    "AutoModel": "modeling_logoformer.LogoFormerModel",
    "AutoModelForVideoClassification": "modeling_logoformer.LogoFormerForVideoClassification",
}
PROCESSOR_MAP = {"AutoVideoProcessor": "video_processing_logoformer.LogoFormerVideoProcessor"}


def small_config() -> LogoFormerConfig:
    return toy_config(num_frames=16, image_size=32, num_hidden_layers=1)


def small_processor() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor.from_config(small_config())


@pytest.mark.parametrize(
    "build",
    [
        small_config,
        lambda: LogoFormerModel(small_config()),
        lambda: LogoFormerForVideoClassification(small_config()),
        small_processor,
    ],
    ids=["configuration", "base model", "classifier", "processor"],
)
def test_whatever_is_saved_brings_all_code_and_the_whole_map(tmp_path, build):
    build().save_pretrained(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {*CODE}
    for name, auto_map in (("config.json", MODEL_MAP), ("video_preprocessor_config.json", PROCESSOR_MAP)):
        if name in names:
            assert json.loads((tmp_path / name).read_text())["auto_map"] == auto_map
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]


def test_configurations_share_no_map():
    config = LogoFormerConfig.tiny()
    config.auto_map["AutoModel"] = "another"
    assert LogoFormerConfig.tiny().auto_map == MODEL_MAP


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory):
    """A finished run: the model with its processor, and two checkpoints of the Trainer."""
    folder = tmp_path_factory.mktemp("outputs") / "run"
    trainer = toy_trainer(
        folder,
        model=new_model(small_config()),
        processor=small_processor(),
        train_dataset=RandomClips(4, num_frames=16),
        per_device_train_batch_size=2,
        max_steps=2,
        save_strategy="steps",
        save_steps=1,
    )
    trainer.train()
    trainer.model.save_pretrained(folder)
    trainer.processing_class.save_pretrained(folder)
    return folder


LOAD = """
import importlib.util, json, sys
import torch
from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor, pipeline

for module in ("logoformer_hf", "accelerate", "cv2", "datasets", "evaluate", "matplotlib", "sklearn"):
    assert importlib.util.find_spec(module) is None, module

def load(folder):
    processor = AutoVideoProcessor.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForVideoClassification.from_pretrained(folder, trust_remote_code=True).eval()
    assert "transformers_modules" in type(model).__module__
    return processor, model

video, *folders = sys.argv[1:]
answers = []
for folder in folders:
    assert AutoConfig.from_pretrained(folder, trust_remote_code=True).model_type == "logoformer"
    processor, model = load(folder)
    processor.save_pretrained("again")
    model.save_pretrained("again")
    AutoConfig.from_pretrained("again", trust_remote_code=True)
    processor, model = load("again")
    base = AutoModel.from_pretrained("again", trust_remote_code=True).eval()
    inputs = processor(video, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**inputs).logits[0].tolist()
        embedding = base(**inputs).pooler_output[0].tolist()
    guesses = pipeline("video-classification", model=folder, trust_remote_code=True)(video, top_k=7)
    answers.append({"logits": logits, "embedding": embedding, "guesses": guesses})
print(json.dumps(answers))
"""


def test_without_the_package_run_and_checkpoints_give_the_same_bits(trained_folder, tmp_path, write_video):
    video = write_video(tmp_path / "clip.mp4", 60)
    folders = [trained_folder, trained_folder / "checkpoint-1", trained_folder / "checkpoint-2"]
    printed = run_without_package(LOAD, video, *folders, cwd=tmp_path, HF_HUB_OFFLINE="1")

    for folder, answer in zip(folders, json.loads(printed.splitlines()[-1]), strict=True):
        inputs = LogoFormerVideoProcessor.from_pretrained(folder)(video, return_tensors="pt")
        model = LogoFormerForVideoClassification.from_pretrained(folder).eval()
        with torch.inference_mode():
            outputs = model(**inputs)
        assert answer["logits"] == outputs.logits[0].tolist()
        assert answer["embedding"] == outputs.embedding[0].tolist()
        scores = {guess["label"]: guess["score"] for guess in answer["guesses"]}
        softmax = outputs.logits[0].softmax(-1).tolist()
        expected = {model.config.id2label[number]: score for number, score in enumerate(softmax)}
        assert scores == pytest.approx(expected, abs=1e-3)  # the pipeline takes a GPU where there is one
    again = {path.name for path in (tmp_path / "again").iterdir()}
    assert again == {*CODE, "config.json", "model.safetensors", "video_preprocessor_config.json"}
    assert json.loads((tmp_path / "again" / "config.json").read_text())["auto_map"] == MODEL_MAP


WATCHED = """
import json, sys
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor

folder, *clips = sys.argv[1:]
processor = AutoVideoProcessor.from_pretrained(folder, trust_remote_code=True)
model = AutoModelForVideoClassification.from_pretrained(folder, trust_remote_code=True).eval()
model(**processor(clips, return_tensors="pt"))  # libraries load their parts on first use

seen = []
def watch(event, arguments):
    if event == "open" or event.startswith(("os.", "shutil.", "socket.", "subprocess.", "tempfile.")):
        seen.append([event, *map(str, arguments)])

sys.addaudithook(watch)
model(**processor(clips, return_tensors="pt"))
events = list(seen)
print(json.dumps(events))
"""


def test_travelling_code_opens_only_its_video_and_writes_nothing(trained_folder, tmp_path, write_video):
    video = write_video(tmp_path / "clip.mp4", 20)
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(3):
        Image.new("RGB", (40, 40), (number, 0, 0)).save(frames / f"{number}.png")
    with serving(tmp_path) as address:
        clips = [video, frames, f"{address}/clip.mp4"]
        printed = run_without_package(WATCHED, trained_folder, *clips, cwd=tmp_path, HF_HUB_OFFLINE="1")
    events = json.loads(printed.splitlines()[-1])

    opened = [event for event in events if event[0] == "open"]
    assert {path for _, path, _, _ in opened} == {str(video), *(str(frames / f"{number}.png") for number in range(3))}
    assert not any(int(flags) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) for *_, flags in opened)
    others = {event for event, *_ in events if event != "open" and not event.startswith("socket.")}
    assert others <= {"os.listdir", "os.scandir"}
    host, port = address.removeprefix("http://").split(":")
    assert [event[-1] for event in events if event[0] == "socket.connect"] == [str((host, int(port)))]


STRANGERS = """
import json, sys
import torch
from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor

folder, kernels = sys.argv[1:]
model = AutoModelForVideoClassification.from_pretrained(folder, trust_remote_code=True).eval()
model.save_pretrained("again")
AutoVideoProcessor.from_pretrained(folder, trust_remote_code=True).save_pretrained("again")
AutoModel.from_pretrained(folder, trust_remote_code=True).save_pretrained("base")
AutoConfig.from_pretrained(folder, trust_remote_code=True).save_pretrained("config")
AutoModel.from_pretrained("base", trust_remote_code=True)
AutoConfig.from_pretrained("config", trust_remote_code=True)
AutoVideoProcessor.from_pretrained("again", trust_remote_code=True)
again = AutoModelForVideoClassification.from_pretrained("again", trust_remote_code=True).eval()
clip = torch.linspace(-1, 1, 16 * 3 * 32 * 32).reshape(1, 16, 3, 32, 32)
with torch.inference_mode():
    same = torch.equal(model(clip).logits, again(clip).logits)
try:
    AutoModelForVideoClassification.from_pretrained(kernels, trust_remote_code=True)
    refused = None
except ValueError as error:
    refused = str(error)
print(json.dumps([same, refused]))
"""


def test_references_of_strangers_do_not_travel_on_by_remote_code_alone(tmp_path):
    """In whatever is saved from a model of somebody else, which still brings its own code."""
    new_model(small_config()).save_pretrained(tmp_path / "model")
    small_processor().save_pretrained(tmp_path / "model")
    references = {
        "custom_pipelines": {"video-classification": {"impl": "evil.Pipeline", "pt": ["AutoModel"]}},
        "odd": "someone/evil --evil.Class",
    }
    for name in ("config.json", "video_preprocessor_config.json"):
        file = tmp_path / "model" / name
        values = json.loads(file.read_text())
        values["auto_map"]["AutoTokenizer"] = "someone/evil--evil.Tokenizer"
        if "backbone_config" in values:
            values["backbone_config"] |= references | {"auto_map": {"AutoBackbone": "evil.Backbone"}}
        file.write_text(json.dumps(values | references))
    file = shutil.copytree(tmp_path / "model", tmp_path / "kernels") / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"_attn_implementation": "someone/kernels"}))

    folders = [tmp_path / "model", tmp_path / "kernels"]
    same, refused = json.loads(run_without_package(STRANGERS, *folders, cwd=tmp_path).splitlines()[-1])
    assert same and refused and "someone/kernels" in refused
    for saved in ("again", "base", "config"):
        names = {path.name for path in (tmp_path / saved).iterdir()}
        assert names >= {*CODE, "config.json"}
        for name in names & {"config.json", "video_preprocessor_config.json"}:
            text = (tmp_path / saved / name).read_text()
            assert "evil" not in text and "--" not in text
            assert json.loads(text)["auto_map"] == (MODEL_MAP if name == "config.json" else PROCESSOR_MAP)
