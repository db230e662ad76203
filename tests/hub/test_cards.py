"""What the cards of models and of data sets have in common."""

from pathlib import Path

import pytest
from cards import dataset_card, metadata, model_card

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


def test_a_card_written_by_hand_is_left_alone():
    assert rename_card("# demo\n\nMy model.\n", "me/model") == "# demo\n\nMy model.\n"
