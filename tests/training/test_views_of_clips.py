"""Scores of several views of a clip are averaged, in one process and in two, for every kind of model."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import save_jpegs, smooth_pictures
from processes import launch
from toys import clip_rows, toy_config, toy_trainer
from video_models import save

from logoformer_hf import EXPRESSIONS, LogoFormerVideoProcessor
from logoformer_hf._console import leave_group
from logoformer_hf.data.clips import ClipDataset
from logoformer_hf.data.views import ClipViews
from logoformer_hf.evaluation.predictions import softmax_scores
from logoformer_hf.models.inputs import model_inputs, reading_processor
from logoformer_hf.models.loading import load_model
from logoformer_hf.training.clip_predictions import ClipPredictions
from logoformer_hf.training.views_of_clips import average_views, predict_views

NUM_CLIPS = 5


def rows_of(folder: Path):
    """Clips of 9 to 25 frames; the fourth cannot be read."""
    for number in range(NUM_CLIPS):
        if number != 3 and not (folder / str(number)).exists():
            folder.mkdir(exist_ok=True)
            save_jpegs(folder / str(number), smooth_pictures(9 + 5 * number, 36, 40)[number:])
    return clip_rows([folder / str(number) for number in range(NUM_CLIPS)])


def processor_of_toy() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor.from_config(toy_config(image_size=32))


def scores_by_hand(model, processor, reader, rows) -> tuple[np.ndarray, np.ndarray]:
    """Mean scores and embeddings (None for a model without) of the clips, one forward pass for each view."""
    clips, scores, embeddings = ClipViews(rows, reader), [], []
    for number in range(len(rows)):
        frames = torch.stack([clips[4 * number + view]["frames"] for view in range(4)])
        with torch.inference_mode():
            outputs = [model(**model_inputs(processor, each[None])) for each in frames]
        scores.append(torch.cat([output.logits for output in outputs]).softmax(dim=1).mean(dim=0).numpy())
        if "embedding" in outputs[0]:
            embeddings.append(torch.cat([output.embedding for output in outputs]).mean(dim=0).numpy())
    return np.stack(scores), np.array(embeddings)


@pytest.mark.parametrize(("batch_size", "num_workers"), [(32, 0), (6, 1)])
def test_four_views_are_four_forward_passes(tmp_path, batch_size, num_workers):
    rows, processor = rows_of(tmp_path / "clips"), processor_of_toy()
    settings = {"per_device_eval_batch_size": batch_size, "dataloader_num_workers": num_workers}
    trainer = toy_trainer(tmp_path, **settings)
    trainer.model.classifier.weight.data *= 20  # so that scores differ
    found = predict_views(trainer, rows, processor, 4)
    scores, embeddings = scores_by_hand(trainer.model, processor, processor, rows.select([0, 1, 2, 4]))
    np.testing.assert_allclose(softmax_scores(found.logits), scores, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.embeddings, embeddings, rtol=1e-4, atol=1e-6)
    assert found.rows.tolist() == [0, 1, 2, 4] and found.labels.tolist() == [0, 1, 2, 4]
    assert trainer.gather_problems().keys() == {"3"}
    per_second, seconds = (found.metrics[f"test_{name}"] for name in ("samples_per_second", "runtime"))
    assert per_second * seconds == pytest.approx(NUM_CLIPS, rel=0.01)
    one = predict_views(trainer, rows, processor, 1)
    assert np.abs(softmax_scores(one.logits) - scores).max() > 1e-3


def test_a_single_view_is_what_it_was(tmp_path):
    rows, processor, trainer = rows_of(tmp_path / "clips"), processor_of_toy(), toy_trainer(tmp_path)
    found = predict_views(trainer, rows, processor, 1)
    expected = trainer.predict_clips(ClipDataset(rows, processor, keep_unreadable=True))
    for name in ("logits", "embeddings", "labels", "rows"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("kind", ["videomae", "timesformer"])
def test_other_kinds_of_models_have_views_too(tmp_path, kind):
    save(tmp_path / kind, kind)
    model, processor, _ = load_model(str(tmp_path / kind), EXPRESSIONS)
    reader, rows = reading_processor(processor, model), rows_of(tmp_path / "clips")
    trainer = toy_trainer(tmp_path, model=model, processor=processor)
    found = predict_views(trainer, rows, reader, 4)
    scores, _ = scores_by_hand(model.eval(), processor, reader, rows.select([0, 1, 2, 4]))
    np.testing.assert_allclose(softmax_scores(found.logits), scores, rtol=1e-4, atol=1e-6)


def predictions(logits, rows) -> ClipPredictions:
    labels = np.asarray(rows) // 2
    return ClipPredictions(np.array(logits), np.arange(2.0 * len(rows)).reshape(-1, 2), labels, {}, np.asarray(rows))


def test_scores_are_averaged_not_logits():
    """Two views of two clips; a confident view counts as much as another one, and no score becomes log(0)."""
    logits = np.array([[0.0, 0.0], [9000.0, 0.0], [0.0, 500.0], [0.0, 800.0]], dtype=np.float32)
    found = average_views(predictions(logits, [0, 1, 2, 3]), 2)
    np.testing.assert_allclose(softmax_scores(found.logits), [[0.75, 0.25], [0.0, 1.0]], atol=1e-7)
    assert np.isfinite(found.logits).all() and found.embeddings.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert (found.labels.tolist(), found.rows.tolist()) == ([0, 1], [0, 1])


def test_a_clip_counts_with_all_its_views_alone():
    found = average_views(predictions(np.eye(3), [0, 4, 5]), 2)
    assert (found.labels.tolist(), found.rows.tolist(), found.embeddings.tolist()) == ([2], [2], [[3.0, 4.0]])


def predict_and_save(folder: Path, **arguments) -> None:
    trainer = toy_trainer(folder, per_device_eval_batch_size=3, **arguments)
    found = predict_views(trainer, rows_of(folder / "clips"), processor_of_toy(), 4)
    arrays = {"logits": found.logits, "embeddings": found.embeddings, "labels": found.labels, "rows": found.rows}
    np.savez(folder / f"{trainer.args.world_size}_{trainer.args.process_index}.npz", **arrays)


@pytest.mark.slow
def test_two_processes_have_the_scores_of_one(tmp_path):
    """Batches of three views, so that those of a clip are in both processes."""
    predict_and_save(tmp_path)
    launch(2, __file__, str(tmp_path))
    one, *two = (np.load(tmp_path / name) for name in ("1_0.npz", "2_0.npz", "2_1.npz"))
    assert one["rows"].tolist() == [0, 1, 2, 4]
    for process in two:
        for name in one.files:
            np.testing.assert_allclose(process[name], one[name], rtol=1e-5, atol=1e-6)


if __name__ == "__main__":  # as the processes of a launch run it
    predict_and_save(Path(sys.argv[1]), dataloader_num_workers=1)
    leave_group()
