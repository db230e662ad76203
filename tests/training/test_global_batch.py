"""Two processes train as one does: every clip once, the mean over the clips of all, and an error stops both."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from processes import launch
from toys import RandomClips, poison, toy_trainer

from logoformer_hf._console import leave_group
from logoformer_hf.data.clips import NOT_COUNTED
from logoformer_hf.models.finite import NonFiniteError
from logoformer_hf.training.global_batch import all_processes_clips, own_clips, own_share
from logoformer_hf.training.mixup import Mixture

# Name -> number of clips, micro-batches of a step, and further arguments. Steps of 4 clips in all processes, or 2 x 4.
# Of the last step, with 11 clips one process has half a batch, with 9 the second one has no clip.
CASES: dict[str, tuple[int, int, dict[str, Any]]] = {
    "none": (11, 1, {"compact_loss": "none", "label_smoothing_factor": 0.1}),
    "margin": (9, 1, {"compact_loss": "margin"}),
    "margin, accumulated": (13, 2, {"compact_loss": "margin"}),
    "margin, fewer clips than a step": (3, 2, {"compact_loss": "margin"}),
    "balanced": (11, 1, {"compact_loss": "margin", "class_balanced_sampling": True}),
    "logit adjustment": (13, 2, {"compact_loss": "margin", "logit_adjustment": 1.0}),
    "center": (11, 1, {"compact_loss": "center"}),
    "center, no clip": (9, 1, {"compact_loss": "center"}),
    "center, accumulated": (13, 2, {"compact_loss": "center"}),
    "mixup, margin": (13, 2, {"compact_loss": "margin", "mixup_alpha": 0.4}),
    "mixup, center": (11, 1, {"compact_loss": "center", "mixup_alpha": 0.4}),
}
RESUMED = "margin, accumulated"  # is also stopped after its first epoch's first step, and goes on


def mix_neighbours(inputs: dict[str, Any], labels: torch.Tensor) -> Mixture:
    """Mixes the first clip with the second, the third with the fourth, which any number of processes has together."""
    partners = torch.arange(len(labels)) ^ 1
    return Mixture(0.3, torch.where(partners < len(labels), partners, torch.arange(len(labels))))


def train_case(folder: Path, name: str, num_processes: int, **arguments: Any) -> dict[str, Any]:
    """The weights after two epochs and the losses that were logged, with the same 4 clips in a step of any number."""
    num_clips, accumulation, settings = CASES[name]
    checkpoint = arguments.pop("resume_from_checkpoint", None)
    trainer = toy_trainer(
        folder / name,
        train_dataset=RandomClips(num_clips, num_classes=3),
        per_device_train_batch_size=4 // num_processes,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=2,
        compact_loss_weight=0.5,
        max_grad_norm=1.0,
        **settings | arguments,
    )
    assert trainer.args.world_size == num_processes
    if trainer.args.mixup_alpha:
        trainer._draw_mixture = mix_neighbours
    trainer.train(resume_from_checkpoint=checkpoint)
    names = ("loss", "cross_entropy", "compact_loss", "grad_norm")
    logs = [[entry.get(name, 0.0) for name in names] for entry in trainer.state.log_history if "loss" in entry]
    weights = torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])
    return {"weights": weights, "logs": torch.tensor(logs, dtype=torch.float64), "steps": trainer.state.global_step}


def train_all(folder: Path, num_processes: int, rank: int) -> None:
    """What each process of a launch does; the results go to files."""
    results = {name: train_case(folder, name, num_processes) for name in CASES}
    steps = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 9}
    train_case(folder / "stopped", RESUMED, num_processes, **steps)
    checkpoint = str(folder / "stopped" / RESUMED / "checkpoint-1")
    results["resumed"] = train_case(folder / "resumed", RESUMED, num_processes, resume_from_checkpoint=checkpoint)
    torch.save(results, folder / f"results-{num_processes}-{rank}.pt")

    trainer = toy_trainer(folder / "poisoned", num_clips=8, per_device_train_batch_size=4 // num_processes)
    order = list(trainer._get_train_sampler())
    trainer.train_dataset.labels = [int(index != order[7]) for index in range(8)]  # of the last process
    poison(trainer, 0)
    try:
        trainer.train()
    except NonFiniteError as error:
        named = [f"clip {index}" for index in order[4:]]
        (folder / f"error-{num_processes}-{rank}.json").write_text(json.dumps([str(error), named]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    """The folder, the results of one process, and those of each of two."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "one").mkdir()
    train_all(folder / "one", 1, 0)
    (folder / "two").mkdir()
    launch(2, __file__, str(folder / "two"))
    one = torch.load(folder / "one" / "results-1-0.pt")
    return folder, one, [torch.load(folder / "two" / f"results-2-{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("name", [*CASES, "resumed"])
def test_two_processes_end_with_the_weights_of_one(trained, name):
    _, one, two = trained
    case = RESUMED if name == "resumed" else name
    for process in two:
        assert process[name]["steps"] == one[name]["steps"]
        torch.testing.assert_close(process[name]["weights"], one[name]["weights"], rtol=0, atol=2e-6)
        torch.testing.assert_close(process[name]["weights"], process[case]["weights"], rtol=0, atol=0)
    assert torch.equal(two[0][name]["weights"], two[1][name]["weights"])


@pytest.mark.parametrize("name", CASES)
def test_the_logged_losses_are_those_of_one_process(trained, name):
    """The weighted sum that is documented, of means over the clips of a step, and the norm of the whole gradient."""
    _, one, two = trained
    for process in two:
        torch.testing.assert_close(process[name]["logs"], one[name]["logs"], rtol=1e-4, atol=1e-6)
    loss, cross_entropy, compact_loss, _ = two[0][name]["logs"].T
    torch.testing.assert_close(loss, cross_entropy + 0.5 * compact_loss, rtol=1e-6, atol=0)


def test_a_loss_that_is_nan_in_one_process_stops_both(trained):
    folder, _, _ = trained
    messages = []
    for name in ("one/error-1-0.json", "two/error-2-0.json", "two/error-2-1.json"):
        message, named = json.loads((folder / name).read_text())
        assert "loss of step 2" in message and all(f"{clip}" in message for clip in named)
        messages.append(message)
    assert messages[1] == messages[2]


@pytest.mark.parametrize(
    ("num_clips", "shares"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (4, [4, 0, 0]), (7, [4, 3, 0]), (12, [4, 4, 4])]
)
def test_the_first_processes_have_full_batches(num_clips, shares):
    assert [own_share(num_clips, 4, process) for process in range(3)] == shares


@pytest.mark.parametrize(
    ("num_clips", "process", "kept"), [(16, 0, 4), (16, 1, 4), (11, 0, 3), (11, 1, 0), (13, 0, 4), (13, 1, 1)]
)
def test_what_fills_up_the_last_batch_is_cut_off(num_clips, process, kept):
    """Batches of 4 in two processes."""
    batch = {"frames": torch.arange(4), "labels": torch.arange(4), "clip_ids": list("abcd"), "problems": {"b": "why"}}
    own = own_clips(batch, num_clips, 2, process)
    assert own["clip_ids"] == list("abcd")[:kept] and own["problems"] == {"b": "why"}
    assert own["frames"].tolist() == list(range(max(kept, 1)))
    assert own["labels"].tolist() == (list(range(kept)) if kept else [NOT_COUNTED])


def test_one_process_has_all_clips(tmp_path):
    embeddings, labels = torch.randn(3, 2), torch.arange(3)
    accelerator = toy_trainer(tmp_path).accelerator
    assert all_processes_clips(embeddings, labels, accelerator) == (embeddings, labels)


if __name__ == "__main__":  # as the processes of a launch run it
    from accelerate import PartialState

    train_all(Path(sys.argv[1]), PartialState(cpu=True).num_processes, PartialState().process_index)
    leave_group()
