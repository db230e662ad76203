"""Mixtures of clips: how they are drawn, what they weigh, and that a resume does not change them."""

import numpy as np
import pytest
import torch
from errors import raises_naming
from torch import nn
from toys import RandomClips, toy_trainer

from logoformer_hf.data.clips import NOT_COUNTED
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.training.losses import center_compact_loss, margin_compact_loss
from logoformer_hf.training.mixup import Mixture, draw_box, draw_mixture

LABELS = torch.arange(16)
MIXTURE = Mixture(0.3, torch.tensor([1, 2, 0]))


def draw(labels=LABELS, alpha=0.4, seed=0, step=5, micro_batch=1, process_index=0, kind="sum", inputs=None) -> Mixture:
    return draw_mixture(alpha, kind, inputs or {}, labels, seed, step, micro_batch, process_index)


def test_a_mixture_is_a_function_of_seed_step_micro_batch_and_process():
    torch.manual_seed(0)
    first = draw()
    torch.manual_seed(1)
    again = draw()
    assert again.share == first.share and torch.equal(again.partners, first.partners)
    assert sorted(first.partners.tolist()) == LABELS.tolist()  # every clip is a partner once
    for other in (draw(seed=1), draw(step=6), draw(micro_batch=0)):
        assert other.share != first.share and not torch.equal(other.partners, first.partners)
    other = draw(process_index=1)  # `center` compares the clips of all processes
    assert other.share == first.share and not torch.equal(other.partners, first.partners)


@pytest.mark.parametrize(("alpha", "deviation"), [(0.4, 0.3727), (1.0, 0.2887), (8.0, 0.1213)])
def test_shares_are_those_of_a_symmetric_beta_distribution(alpha, deviation):
    """Its mean is 1/2 and its variance 1 / (4 (2 alpha + 1))."""
    shares = torch.tensor([draw(alpha=alpha, step=step).share for step in range(2000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=4 * deviation / 2000**0.5)
    assert shares.std().item() == pytest.approx(deviation, rel=0.05)


def test_clips_that_could_not_be_read_are_not_mixed():
    labels = LABELS.clone()
    labels[::3] = NOT_COUNTED
    partners = torch.stack([draw(labels, step=step).partners for step in range(50)])
    assert torch.equal(partners[:, ::3], LABELS[::3].expand(50, -1))
    assert (labels[partners][:, labels != NOT_COUNTED] != NOT_COUNTED).all()
    assert (partners != LABELS).any()


def test_inputs_are_weighted_sums_of_two_clips():
    tokens, numbers = torch.randn(3, 2, 2, 2, 4), torch.arange(3.0)
    mixed = MIXTURE.mix({"inputs_embeds": tokens, "numbers": numbers, "flag": True})
    assert mixed.keys() == {"inputs_embeds", "numbers", "flag"} and mixed["numbers"] is numbers
    expected = torch.stack([0.3 * tokens[own] + 0.7 * tokens[other] for own, other in ((0, 1), (1, 2), (2, 0))])
    torch.testing.assert_close(mixed["inputs_embeds"], expected)
    with raises_naming(ValueError, "mixup_alpha", "numbers"):
        MIXTURE.mix({"numbers": numbers})


def sum_of_losses(form: str, outputs, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and half of the compact loss, summed over the clips that count, written out."""
    counted = labels != NOT_COUNTED
    logits, embedding, labels = outputs.logits[counted], outputs.embedding[counted], labels[counted]
    compact = torch.zeros(())
    if form == "margin":
        compact = margin_compact_loss(logits, labels, reduction="sum")
    elif form == "center":
        compact = len(labels) * center_compact_loss(embedding, labels, 7)
    return nn.functional.cross_entropy(logits, labels, reduction="sum") + 0.5 * compact


@pytest.mark.parametrize(("name", "shape"), [("pixel_values", (3, 4, 1, 9, 6)), ("inputs_embeds", (3, 4, 9, 6, 1))])
@pytest.mark.parametrize("kind", ["time", "space"])
def test_a_box_of_each_clip_comes_from_its_partner(name, shape, kind):
    """Some frames in a row, or the same rectangle of all frames; the share is what is left."""
    inputs = {name: torch.arange(3.0).view(3, 1, 1, 1, 1).expand(shape)}  # each clip has its number
    places = set()
    for step in range(30):
        mixture = draw(torch.arange(3), alpha=1.0, step=step, kind=kind, inputs=inputs)
        mixed = mixture.mix(inputs)[name].reshape(3, 4, 9, 6)
        is_own = mixed == torch.arange(3).view(3, 1, 1, 1)
        is_partners = mixed == mixture.partners.view(3, 1, 1, 1)
        assert (is_own | is_partners).all()
        for clip, partner in enumerate(mixture.partners.tolist()):
            if partner == clip:
                continue
            assert is_own[clip].float().mean().item() == pytest.approx(mixture.share)
            along = [is_partners[clip].any(dim=axes) for axes in ((1, 2), (0, 2), (0, 1))]  # frames, rows, columns
            assert is_partners[clip].sum() == along[0].sum() * along[1].sum() * along[2].sum()
            assert all(each.int().diff().clamp(min=0).sum() + each[0] <= 1 for each in along)  # in a row
            whole = along[1:] if kind == "time" else along[:1]
            assert all(each.all() for each in whole) or not is_partners[clip].any()
            places.add((mixture.share, tuple(along[0].tolist()), tuple(along[1].tolist())))
    assert len(places) > 5  # in many sizes and places


@pytest.mark.parametrize(("share", "length"), [(0.0, 4), (1.0, 0), (0.5, 2), (0.4, 2), (0.1, 4)])
def test_the_share_is_that_of_whole_frames(share, length):
    exact, box = draw_box("time", share, (4, 7, 7), np.random.default_rng(0))
    assert exact == 1 - length / 4 and box[0].stop - box[0].start == length and box[1:] == (slice(0, 7), slice(0, 7))


def test_a_rectangle_is_as_high_and_wide_in_proportion():
    exact, box = draw_box("space", 0.75, (4, 8, 6), np.random.default_rng(0))
    assert [each.stop - each.start for each in box] == [4, 4, 3] and exact == 0.75


@pytest.mark.parametrize("form", ["margin", "center", "none"])
@pytest.mark.parametrize("num_items", [None, 24])
def test_both_losses_are_those_of_both_labels(tmp_path, form, num_items):
    trainer = toy_trainer(tmp_path, mixup_alpha=0.4, compact_loss=form, compact_loss_weight=0.5)
    batch = collate_clips([trainer.train_dataset[index] for index in range(8)])
    batch["labels"][3] = NOT_COUNTED
    batch = trainer._prepare_inputs(batch)
    labels = batch["labels"]
    mixture = draw_mixture(0.4, "sum", batch, labels, trainer.args.seed, 0, 0, 0)
    share, partners = mixture.share, mixture.partners
    loss, outputs = trainer.compute_loss(trainer.model.train(), batch, True, num_items)
    mixed = share * batch["pixel_values"] + (1 - share) * batch["pixel_values"][partners]
    torch.testing.assert_close(outputs.logits, trainer.model(mixed).logits)
    expected = sum(
        weight * sum_of_losses(form, outputs, each)
        for weight, each in ((share, labels), (1 - share, labels[partners]))
    )
    torch.testing.assert_close(loss, expected / (num_items or 7))
    loss.backward()
    assert trainer.model.logoformer.embeddings.projection.weight.grad.abs().sum() > 0


def test_evaluation_mixes_nothing(tmp_path):
    losses = [toy_trainer(tmp_path, mixup_alpha=alpha).evaluate()["eval_loss"] for alpha in (0.0, 0.4)]
    assert losses[0] == losses[1]


def train(folder, checkpoint=None, **arguments) -> torch.Tensor:
    """Weights after two epochs of 3 steps with 2 micro-batches, of dropout and mixtures."""
    trainer = toy_trainer(
        folder,
        train_dataset=RandomClips(11),
        num_train_epochs=2,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=9,
        **{"mixup_alpha": 0.4} | arguments,
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def test_a_resume_in_the_middle_of_an_epoch_changes_no_bit(tmp_path):
    weights = train(tmp_path)
    for step in (2, 4):
        assert torch.equal(train(tmp_path, str(tmp_path / f"checkpoint-{step}")), weights)
    assert not torch.equal(train(tmp_path / "other", seed=1, data_seed=42), weights)
    assert not torch.allclose(train(tmp_path / "time", mixup_kind="time"), weights, atol=1e-4)
    assert not torch.allclose(train(tmp_path / "unmixed", mixup_alpha=0.0), weights, atol=1e-4)
