"""What the cards of models and of data sets have in common."""

import re
from pathlib import Path

import pytest
import yaml
from cards import RESULTS, dataset_card, metadata, model_card
from toys import data_facts

from logoformer_hf.hub.cards import hub_repo, rename_card


def test_a_name_is_of_the_hub_unless_it_is_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert hub_repo("outputs/demo") == "outputs/demo"
    Path("outputs/demo").mkdir(parents=True)
    assert hub_repo("outputs/demo") is None
    assert hub_repo("outputs/demo/") is None
    assert hub_repo(None) is None


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/.cache/huggingface/hub/models--microsoft--resnet-18/snapshots/ab12/model.safetensors",
        "C:\\cache\\models--microsoft--resnet-18\\snapshots\\ab12",
    ],
)
def test_a_file_in_the_cache_knows_its_repository(path):
    assert hub_repo(path) == "microsoft/resnet-18"


@pytest.mark.parametrize("path", ["/data/private/resnet18.pth", "../run", "a/b/c", "no spaces"])
def test_other_paths_are_not_of_the_hub(path):
    assert hub_repo(path) is None


def test_a_model_card_is_as_if_written_for_the_repository(tmp_path):
    there = model_card(tmp_path / "there.md", model_name="me/model")
    for folder in ("demo", "3"):  # YAML puts a number in quotes
        here = model_card(tmp_path / "here.md", model_name=folder)
        assert metadata(rename_card(here, "me/model")) == metadata(there)
        assert rename_card(here, "me/model").split("---\n", 2)[2] == there.split("---\n", 2)[2]


def test_a_dataset_card_is_as_if_written_for_the_repository(tmp_path):
    here, there = (dataset_card(tmp_path / "x.md", repo_name=name) for name in ("prepared", "me/data"))
    assert rename_card(here, "me/data") == there


def test_blanks_before_the_metadata_change_nothing(tmp_path):
    here = model_card(tmp_path / "here.md", model_name="demo").removeprefix("---")
    assert rename_card(f"--- \t{here}", "me/model") == rename_card(f"---{here}", "me/model").replace(
        "---", "--- \t", 1
    )


def test_a_card_written_by_hand_is_left_alone():
    assert rename_card("# demo\n\nMy model.\n", "me/model") == "# demo\n\nMy model.\n"


@pytest.mark.parametrize(
    "folder", ["pt", "clip.mp4", "video-classification", "eager", "true", "test", "- x: 1", 'a" + b']
)
def test_words_that_a_card_has_elsewhere_stay(tmp_path, folder):
    """A folder called `pt` must not change `return_tensors="pt"`."""
    there = model_card(tmp_path / "there.md", model_name="me/model")
    here = model_card(tmp_path / "here.md", model_name=folder)
    assert metadata(here)["model-index"][0]["name"] == folder
    assert rename_card(here, "me/model") == there
    for block in re.findall(r"```python\n(.*?)```", here, re.DOTALL):
        compile(block, "snippet", "exec")
    data_there = dataset_card(tmp_path / "x.md", repo_name="me/data")
    for name in (folder, "train", "dataset", "prepared"):
        assert rename_card(dataset_card(tmp_path / "x.md", repo_name=name), "me/data") == data_there


NAMES = [
    "[click](https://evil.example)",
    "<script>alert(1)</script>",
    "a|b",
    "x\n# y",
    "![x](https://evil.example/x.png)",
]


def test_names_of_others_are_text_in_a_model_card(tmp_path):
    dataset = {"dataset": "clips", "dataset_name": "<img src=x onerror=alert(1)>\n---\nlicense: mit"}
    results = RESULTS | {
        "test_recall": dict.fromkeys(NAMES, 0.5),
        "test_confusion_matrix": [[int(row == column) for column in range(5)] for row in range(5)],
        "test_empty_classes": NAMES[1:2],
    }
    run = {"label_names": NAMES, "fold": None, "num_folds": None} | dataset
    text = model_card(tmp_path / "card.md", results, run, training={"<b>x</b>": "y | z"})
    start, _, body = text.removeprefix("---\n").partition("\n---\n")
    assert yaml.safe_load(start)["license"] == "other"
    assert "<script" not in body and "<img" not in body and "<b>" not in body
    assert "](https://evil" not in body and "\n# y" not in body and "://evil" not in body
    [header] = [line for line in body.splitlines() if line.startswith("| true")]
    assert len(re.findall(r"(?<!\\)\|", header)) == len(NAMES) + 2
    assert "[click\\](" in body  # and is shown


def test_names_of_others_are_text_in_a_dataset_card(tmp_path):
    facts = data_facts("clips", "<b>x</b> [a](https://evil.example)")
    text = dataset_card(tmp_path / "card.md", facts=facts, label_names=NAMES, notes=["<i>x</i>"])
    body = text.partition("\n---\n")[2]
    assert "<script" not in body and "<b>" not in body and "<i>" not in body
    assert "](https://evil" not in body and "\n# y" not in body
