"""Whether a model was trained on drawn faces, by what lies beside its weights."""

import shutil

import numpy as np
import pytest
from cards import FACES, FERV39K, model_card
from toys import run_info

from logoformer_hf.data.trained_on import TrainedOn, write_trained_on
from logoformer_hf.evaluation.predictions import write_predictions
from logoformer_hf.hub.training_data import trained_on_drawn_faces, trained_on_of


def write_run(folder, **facts):
    run = run_info(label_names=["happy", "sad"], **facts)
    write_predictions(folder / "predictions.parquet", ["a"], [0], np.zeros((1, 2)), None, run)


@pytest.mark.parametrize(("facts", "is_drawn"), [(FACES, True), (FERV39K, False)])
def test_the_card_decides(facts, is_drawn, tmp_path, tiny_folder):
    """As a folder is after a push: card and weights, no predictions."""
    shutil.copytree(tiny_folder, tmp_path / "model")
    model_card(tmp_path / "model" / "README.md", run=facts)
    assert trained_on_drawn_faces(tmp_path / "model") is is_drawn
    assert trained_on_drawn_faces(str(tmp_path / "model")) is is_drawn


def test_the_metadata_of_a_card_with_another_text_decide(tmp_path):
    text = model_card(tmp_path / "README.md", run=FACES)
    (tmp_path / "README.md").write_text(text[: text.index("\n# ")] + "\n# A model\n")
    assert trained_on_drawn_faces(tmp_path)


@pytest.mark.parametrize("text", ["", "no metadata", "---\n: [\n---\n", "---\nmodel-index: 3\n---\n"])
def test_any_card_can_be_read(text, tmp_path):
    (tmp_path / "README.md").write_text(text)
    assert trained_on_drawn_faces(tmp_path) is False
    (tmp_path / "README.md").write_text(text + "\nIt was Trained on\ndrawn faces only.")
    assert trained_on_drawn_faces(tmp_path)


def test_the_predictions_of_a_run_decide_without_a_card(tmp_path):
    assert trained_on_drawn_faces(tmp_path) is None
    write_run(tmp_path, dataset="faces", dataset_name="drawn faces")
    assert trained_on_drawn_faces(tmp_path)
    write_run(tmp_path, dataset="dfew", dataset_name="DFEW")
    assert trained_on_drawn_faces(tmp_path) is False


def test_of_a_name_whose_card_cannot_be_had_nothing_is_known(tmp_path):
    assert trained_on_drawn_faces("someone/nothing-of-this-name") is None
    assert trained_on_drawn_faces(tmp_path / "nothing") is None


def test_a_card_on_the_hub_decides(tmp_path, monkeypatch):
    card = tmp_path / "README.md"
    model_card(card, run=FACES)
    asked = []
    monkeypatch.setattr(
        "logoformer_hf.hub.training_data.hf_hub_download", lambda *names: asked.append(names) or str(card)
    )
    assert trained_on_drawn_faces("someone/faces") and asked == [("someone/faces", "README.md")]


def test_the_record_of_training_clips_is_found_beside_a_model_a_checkpoint_and_on_the_hub(tmp_path, monkeypatch):
    record = TrainedOn(is_complete=False)
    checkpoint = tmp_path / "run" / "checkpoint-7"
    checkpoint.mkdir(parents=True)
    assert trained_on_of(checkpoint) is None and trained_on_of("someone/nothing-of-this-name") is None
    write_trained_on(tmp_path / "run" / "trained_on.parquet", record)
    assert trained_on_of(checkpoint) == trained_on_of(str(tmp_path / "run")) == record
    write_trained_on(checkpoint / "trained_on.parquet", TrainedOn())
    assert trained_on_of(checkpoint) == TrainedOn()
    file = str(tmp_path / "run" / "trained_on.parquet")
    monkeypatch.setattr("logoformer_hf.hub.training_data.hf_hub_download", lambda *names: file)
    assert trained_on_of("someone/faces") == record
