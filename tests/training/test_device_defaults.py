"""What a recipe computes with on a GPU, whatever is given on the command line, and in a run that was begun."""

import json

import pytest
from toys import toy_trainer

from logoformer_hf.training import settings
from logoformer_hf.training.device_defaults import cores_per_process, describe_numbers, gpu_capability
from logoformer_hf.training.settings import build_parser

HOPPER, TURING = (9, 0), (7, 5)


def defaults(arguments=(), capability=HOPPER, num_cores=16, recipe="modern"):
    """What is replaced of the values of a recipe."""
    parser = build_parser()
    parser.set_defaults(**settings.RECIPES[recipe])
    given = parser.parse_known_args(["--output_dir", "nowhere", *arguments])[0]
    return settings.device_defaults(given, capability, num_cores)


def test_a_gpu_has_its_own_numbers():
    assert defaults() == {"bf16": True, "tf32": True, "optim": "adamw_torch_fused", "dataloader_num_workers": 14}
    assert defaults(capability=TURING) == {"optim": "adamw_torch_fused", "dataloader_num_workers": 14}
    assert "optim" not in defaults(recipe="port")


def test_without_a_gpu_a_recipe_stays_as_it_is():
    assert defaults(capability=None) == {} == defaults(["--use_cpu", "True"])


@pytest.mark.parametrize(("num_cores", "num_workers"), [(1, 2), (4, 2), (8, 6), (18, 16), (128, 16)])
def test_workers_leave_two_cores(num_cores, num_workers):
    assert defaults(num_cores=num_cores)["dataloader_num_workers"] == num_workers


def test_float16_is_not_mixed_with_bfloat16():
    assert defaults(["--fp16", "True"])["bf16"] is False


def test_processes_of_one_machine_share_its_cores(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1")
    alone = cores_per_process()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert alone >= 1 == cores_per_process()


@pytest.mark.parametrize("place", ["run.json", "fold 2/run.json"])
def test_a_run_that_was_begun_keeps_its_numbers(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(json.dumps({"bf16": False, "tf32": None, "optim": "adamw_torch"}))
    assert defaults(["--output_dir", str(tmp_path)]) == {
        "bf16": False,
        "tf32": None,
        "optim": "adamw_torch",
        "dataloader_num_workers": 14,
    }


def test_what_is_given_wins(tmp_path, monkeypatch):
    """On a machine with an old GPU: without bfloat16, which this one would be asked for."""
    monkeypatch.setattr(settings, "gpu_capability", lambda: TURING)
    monkeypatch.setattr(settings, "cores_per_process", lambda: 6)
    base = ["--output_dir", str(tmp_path)]
    args = settings.parse_arguments(base).training
    assert (args.optim, args.dataloader_num_workers) == ("adamw_torch_fused", 4)
    args = settings.parse_arguments([*base, "--optim", "adamw_torch", "--dataloader_num_workers", "1"]).training
    assert (args.optim, args.dataloader_num_workers) == ("adamw_torch", 1)
    file = tmp_path / "run.yaml"
    file.write_text("dataloader_num_workers: 3")
    assert settings.parse_arguments([str(file), *base]).training.dataloader_num_workers == 3


def test_what_is_computed_with_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "a GPU")
    sentence = describe_numbers(toy_trainer(tmp_path, optim="adamw_torch_fused").args)
    assert all(word in sentence for word in ("a GPU", "--bf16 False", "--optim adamw_torch_fused", "0 workers"))


def test_a_machine_without_a_gpu_has_no_capability(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert gpu_capability() is None
