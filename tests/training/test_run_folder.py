import json

import pytest

from logoformer_hf.training.run_folder import find_checkpoint, is_finished, open_run_folder


def test_a_folder_opens_again_with_the_same_settings(tmp_path):
    folder = tmp_path / "fold-1" / "seed-0"
    open_run_folder(folder, {"seed": 0, "window_size": (4, 2, 2)})
    before = (folder / "run.json").read_text()
    open_run_folder(folder, {"seed": 0, "window_size": (4, 2, 2)})
    assert (folder / "run.json").read_text() == before
    assert json.loads(before) == {"seed": 0, "window_size": [4, 2, 2]}


@pytest.mark.parametrize(
    "changed", [{"seed": 0, "learning_rate": 0.1}, {"seed": 0}, {"seed": 1, "learning_rate": 0.2}]
)
def test_other_settings_are_refused_and_named(tmp_path, changed):
    open_run_folder(tmp_path, {"seed": 0, "learning_rate": 0.2})
    with pytest.raises(
        ValueError, match=r"other settings: (learning_rate 0.2 \(now (0.1|None)\)|seed 0 \(now 1\))"
    ) as caught:
        open_run_folder(tmp_path, changed)
    assert "output_dir" in str(caught.value) and str(tmp_path) in str(caught.value)
    assert json.loads((tmp_path / "run.json").read_text()) == {"seed": 0, "learning_rate": 0.2}


def test_only_one_process_writes(tmp_path):
    open_run_folder(tmp_path / "run", {"seed": 0}, write=False)
    assert not (tmp_path / "run").exists()


def test_a_run_is_finished_when_its_predictions_are_there(tmp_path):
    assert not is_finished(tmp_path / "run")
    (tmp_path / "predictions.parquet").touch()
    assert is_finished(tmp_path)


def test_the_newest_whole_checkpoint_is_found(tmp_path, caplog):
    assert find_checkpoint(tmp_path) is None
    for step in (9, 88, 176, 264):
        (tmp_path / f"checkpoint-{step}").mkdir()
    for step in (9, 88, 176):
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    assert find_checkpoint(tmp_path) == str(tmp_path / "checkpoint-176")
    assert "checkpoint-264 was not written to its end" in caplog.text
