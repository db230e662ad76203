"""What a model says of clips, in one process and in two."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from processes import launch
from torch import nn
from toys import RandomClips, toy_trainer

from logoformer_hf._console import leave_group
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.training.losses import margin_compact_loss


def test_evaluation_keeps_the_logits_alone(tmp_path):
    prediction = toy_trainer(tmp_path).predict(RandomClips(5))
    assert prediction.predictions.shape == (5, 7)
    assert prediction.label_ids.tolist() == [0, 1, 2, 3, 4]


def test_predictions_of_clips(tmp_path):
    """Each clip's logits and embedding, in order; and validation never keeps an embedding."""
    trainer = toy_trainer(tmp_path, per_device_eval_batch_size=2)
    seen = []
    trainer.compute_metrics = lambda predictions: seen.append(predictions.predictions.shape) or {"uar": 0.5}
    clips = RandomClips(5)
    predictions = trainer.predict_clips(clips)
    with torch.inference_mode():
        inputs = trainer._prepare_inputs(collate_clips([clips[index] for index in range(5)]))
        outputs = trainer.model(pixel_values=inputs["pixel_values"])
    torch.testing.assert_close(torch.tensor(predictions.logits), outputs.logits)
    torch.testing.assert_close(torch.tensor(predictions.embeddings), outputs.embedding)
    assert predictions.labels.tolist() == [0, 1, 2, 3, 4]
    assert predictions.metrics["test_uar"] == 0.5
    assert trainer.predict_clips(clips, metric_key_prefix="half").metrics["half_uar"] == 0.5
    assert not trainer.model.classifier._forward_pre_hooks
    trainer.evaluate()
    assert seen == [(5, 7)] * 3
    assert "eval_uar" in trainer.evaluation_loop(trainer.get_eval_dataloader(), "Evaluation").metrics


def predict_and_save(folder: str, **arguments) -> None:
    trainer = toy_trainer(folder, per_device_eval_batch_size=2, compact_loss_weight=0.5, **arguments)
    trainer.model.classifier.weight.data *= 20  # so that the clips' losses differ
    found = trainer.predict_clips(RandomClips(9, num_classes=5))
    losses = [found.metrics[f"test_{name}"] for name in ("loss", "cross_entropy", "compact_loss")]
    arrays = {"logits": found.logits, "embeddings": found.embeddings, "labels": found.labels, "losses": losses}
    np.savez(Path(folder) / f"{trainer.args.world_size}_{trainer.args.process_index}.npz", **arrays)


@pytest.mark.slow
def test_predictions_are_the_same_from_one_and_two_processes(tmp_path):
    """Two real ones. The last of nine clips leaves one process half a batch, and the other one none."""
    predict_and_save(str(tmp_path))
    launch(2, __file__, str(tmp_path))

    one, *two = (np.load(tmp_path / name) for name in ("1_0.npz", "2_0.npz", "2_1.npz"))
    assert one["labels"].tolist() == [index % 5 for index in range(9)]
    assert one["logits"].shape == (9, 7) and one["embeddings"].shape == (9, 16)
    assert len(np.unique(one["logits"].round(5), axis=0)) == 9
    logits, labels = torch.tensor(one["logits"]), torch.tensor(one["labels"])
    cross_entropy = nn.functional.cross_entropy(logits, labels).item()
    compact_loss = margin_compact_loss(logits, labels).item()
    expected = [cross_entropy + 0.5 * compact_loss, cross_entropy, compact_loss]
    np.testing.assert_allclose(one["losses"], expected, rtol=1e-5)
    for process in two:
        assert np.array_equal(process["labels"], one["labels"])
        for name in ("logits", "embeddings", "losses"):
            np.testing.assert_allclose(process[name], one[name], rtol=1e-5, atol=1e-6)


if __name__ == "__main__":  # as the processes of a launch run it
    predict_and_save(sys.argv[1], dataloader_num_workers=1)
    leave_group()
