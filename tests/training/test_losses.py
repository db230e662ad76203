import warnings

import numpy as np
import pytest
import torch
from errors import raises_naming
from torch._subclasses.fake_tensor import FakeTensorMode

from logoformer_hf.training.losses import center_compact_loss, margin_compact_loss


def margin_by_hand(logits: np.ndarray, labels: np.ndarray) -> float:
    """Half the symmetric KL divergence of q and uniform, clip by clip in float64, both divergences written out."""
    losses = []
    for row, label in zip(logits.astype(np.float64), labels, strict=True):
        wrong = np.delete(row, label)
        log_q = wrong - wrong.max() - np.log(np.exp(wrong - wrong.max()).sum())
        q, u = np.exp(log_q), 1 / len(wrong)
        losses.append(0.5 * (np.sum(q * (log_q - np.log(u))) + np.sum(u * (np.log(u) - log_q))))
    return float(np.mean(losses))


@pytest.mark.parametrize("num_classes", [3, 7, 11])
def test_margin_is_its_formula(num_classes):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 3, (32, num_classes)), rng.integers(0, num_classes, 32)
    loss = margin_compact_loss(torch.tensor(logits), torch.tensor(labels))
    assert loss.item() == pytest.approx(margin_by_hand(logits, labels), rel=1e-12)
    in_float32 = margin_compact_loss(torch.tensor(logits).float(), torch.tensor(labels))
    assert in_float32.item() == pytest.approx(margin_by_hand(logits, labels), rel=1e-5)


def test_margin_is_zero_exactly_when_all_wrong_classes_are_equally_far():
    logits = torch.tensor([[9.0, 1.0, 1.0, 1.0], [-2.0, 5.0, -2.0, -2.0]])
    assert margin_compact_loss(logits, torch.tensor([0, 1])).item() == pytest.approx(0, abs=1e-7)
    assert margin_compact_loss(logits, torch.tensor([1, 1]), reduction="none")[0] > 0.1


def test_margin_ignores_the_logit_of_the_own_class():
    logits = torch.randn(4, 7, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3])
    margin_compact_loss(logits, labels).backward()
    assert torch.equal(logits.grad[torch.arange(4), labels], torch.zeros(4))
    assert (logits.grad.abs().sum(dim=1) > 0).all()


def test_margin_with_two_classes_has_nothing_to_equalise():
    assert margin_compact_loss(torch.randn(3, 2), torch.tensor([0, 1, 1])).item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_both_forms_are_finite_for_extreme_values(dtype):
    values = torch.full((6, 7), -500.0, dtype=dtype)
    values[:, ::2] = 500.0
    values.requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 4, 5])
    for loss in (margin_compact_loss(values, labels), center_compact_loss(values, labels)):
        values.grad = None
        loss.backward()
        assert loss.isfinite() and values.grad.isfinite().all()
    expected = margin_by_hand(values.detach().double().numpy(), labels.numpy())
    assert margin_compact_loss(values, labels).item() == pytest.approx(expected, rel=1e-5)


def test_sum_and_none_reductions_are_the_mean_taken_apart():
    logits, labels = torch.randn(5, 7), torch.tensor([0, 6, 3, 3, 1])
    per_clip = margin_compact_loss(logits, labels, reduction="none")
    assert per_clip.shape == (5,)
    torch.testing.assert_close(per_clip.sum(), margin_compact_loss(logits, labels, reduction="sum"))
    torch.testing.assert_close(per_clip.mean(), margin_compact_loss(logits, labels))
    with pytest.raises(ValueError, match="avg"):
        margin_compact_loss(logits, labels, reduction="avg")


def test_center_is_its_formula():
    rng = np.random.default_rng(1)
    embeddings, labels = rng.normal(size=(20, 5)), rng.integers(0, 4, 20)
    centers = {label: embeddings[labels == label].mean(axis=0) for label in set(labels)}
    within = np.mean([np.sum((e - centers[label]) ** 2) for e, label in zip(embeddings, labels, strict=True)])
    pairs = [(a, b) for a in centers for b in centers if a < b]
    between = np.mean([np.sum((centers[a] - centers[b]) ** 2) for a, b in pairs])
    loss = center_compact_loss(torch.tensor(embeddings), torch.tensor(labels), eps=0.0)
    assert loss.item() == pytest.approx(within / between, rel=1e-9)


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        # Over 1 embeddings are divided by the largest value: 1, 1/2, -1, -1/2 have the centres 3/4 and -3/4.
        (4.0, 0.25**2 / (1.5**2 + 0.25)),
        (1.0, 0.25**2 / (1.5**2 + 0.25)),
        (0.5, 0.125**2 / (0.75**2 + 0.25)),
    ],
)
def test_center_with_eps_worked_out_by_hand(largest, expected):
    embeddings = largest * torch.tensor([[1.0], [0.5], [-1.0], [-0.5]])
    loss = center_compact_loss(embeddings, torch.tensor([3, 3, 1, 1]), eps=0.25)
    assert loss.item() == pytest.approx(expected)


def test_eps_of_center_is_a_millionth():
    embeddings = 1e-3 * torch.tensor([[1.0], [0.5], [-1.0], [-0.5]])  # distances as small as eps
    expected = 0.25e-3**2 / (1.5e-3**2 + 1e-6)
    assert center_compact_loss(embeddings, torch.tensor([0, 0, 1, 1])).item() == pytest.approx(expected)


def test_center_of_embeddings_whose_squares_float32_cannot_hold():
    embeddings = 1e25 * torch.tensor([[1.0], [0.5], [-1.0], [-0.5]])
    loss = center_compact_loss(embeddings, torch.tensor([0, 0, 1, 1]))
    assert loss.item() == pytest.approx(0.25**2 / 1.5**2, rel=1e-5)


def test_center_falls_when_clips_of_a_class_move_together_and_classes_apart():
    labels = torch.arange(4).repeat(8)
    generator = torch.Generator().manual_seed(0)
    centers, noise = torch.randn(4, 6, generator=generator)[labels], torch.randn(32, 6, generator=generator)
    loose = center_compact_loss(centers + noise, labels)
    assert center_compact_loss(centers + 0.5 * noise, labels) < loose
    assert center_compact_loss(2 * centers + noise, labels) < loose


def test_center_does_not_change_with_scale():
    embeddings, labels = torch.randn(12, 4), torch.arange(12) % 3
    torch.testing.assert_close(
        center_compact_loss(1000 * embeddings, labels), center_compact_loss(embeddings, labels), rtol=1e-4, atol=0
    )


def test_center_is_defined_for_a_batch_that_misses_classes():
    embeddings = torch.randn(6, 4, requires_grad=True)
    assert center_compact_loss(embeddings, torch.tensor([0, 0, 6, 6, 6, 0])).item() > 0
    alone = center_compact_loss(embeddings, torch.full((6,), 5))  # one class: nothing to keep apart
    alone.backward()
    assert alone.item() == 0 and torch.equal(embeddings.grad, torch.zeros(6, 4))


def test_center_stays_finite_while_all_clips_look_alike():
    embeddings = torch.ones(4, 3, requires_grad=True)
    loss = center_compact_loss(embeddings, torch.tensor([0, 1, 2, 3]))
    loss.backward()
    assert loss.item() == 0 and embeddings.grad.isfinite().all()


@pytest.mark.parametrize("labels", [[0, 2, 2, 0], [1, 1, 1, 1], [0, 1, 2, 3], [3, 2, 0, 0]])
def test_center_leaves_out_clips_that_do_not_count_and_classes_without_a_clip(labels):
    embeddings = torch.randn(6, 5, dtype=torch.float64)
    embeddings[[1, 4]] = torch.tensor([1e9, torch.nan], dtype=torch.float64)[:, None]
    embeddings.requires_grad_()
    counted = torch.tensor([0, 2, 3, 5])
    all_labels = torch.full((6,), -100)
    all_labels[counted] = torch.tensor(labels)
    loss = center_compact_loss(embeddings, all_labels, num_classes=7)
    loss.backward()
    alone = embeddings.detach()[counted].requires_grad_()
    expected = center_compact_loss(alone, torch.tensor(labels))
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(embeddings.grad[counted], alone.grad)
    assert torch.equal(embeddings.grad[[1, 4]], torch.zeros(2, 5, dtype=torch.float64))


def test_center_of_no_clips_is_zero():
    for labels in ([], [-100, -100]):
        loss = center_compact_loss(
            torch.randn(len(labels), 3, requires_grad=True), torch.tensor(labels, dtype=torch.long)
        )
        loss.backward()
        assert loss.item() == 0


@pytest.mark.parametrize("form", ["margin", "center"])
def test_losses_never_wait_for_the_device(form):
    """Tensors without values: an operation that needs to know one, as `bool` or a selection by a mask, fails."""
    with FakeTensorMode():
        values, labels = torch.zeros(6, 5, requires_grad=True), torch.zeros(6, dtype=torch.long)
        loss = margin_compact_loss(values, labels) if form == "margin" else center_compact_loss(values, labels, 5)
        loss.backward()
    assert loss.shape == ()


@pytest.mark.parametrize("loss", [margin_compact_loss, center_compact_loss])
def test_losses_can_be_differentiated(loss):
    values = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    scale = values.detach().abs().amax()  # center divides by it as by a constant: hold it still
    assert torch.autograd.gradcheck(lambda x: loss(x / scale.clamp_min(1.0), labels), values)


@pytest.mark.parametrize("loss", [margin_compact_loss, center_compact_loss])
def test_losses_warn_of_nothing(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(torch.randn(6, 5), torch.tensor([0, 1, 2, 0, 1, 2]))


@pytest.mark.parametrize(("loss", "name"), [(margin_compact_loss, "`logits`"), (center_compact_loss, "`embeddings`")])
def test_shapes_that_do_not_fit_are_named(loss, name):
    with raises_naming(ValueError, name, "(4, 7)", "`labels`", "(3,)"):
        loss(torch.zeros(4, 7), torch.zeros(3, dtype=torch.long))
    with raises_naming(ValueError, name, "(4,)"):
        loss(torch.zeros(4), torch.zeros(4, dtype=torch.long))


def test_margin_waits_for_no_device():
    """A meta tensor has a shape and no values that could be waited for."""
    logits, labels = torch.empty(4, 7, device="meta"), torch.empty(4, dtype=torch.long, device="meta")
    assert margin_compact_loss(logits, labels, reduction="none").shape == (4,)


def test_margin_needs_two_classes():
    with pytest.raises(ValueError, match=r"\(4, 1\)"):
        margin_compact_loss(torch.zeros(4, 1), torch.zeros(4, dtype=torch.long))
