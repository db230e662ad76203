"""The smallest training, three epochs of 28 drawn clips with a model of two layers, and what it must end with."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from safetensors.numpy import load_file

from ...evaluation.predictions import PREDICTIONS_FILE
from ...training.checkpoints import list_checkpoints
from ...training.run_files import RESULTS_FILE
from ...training.run_folder import SETTINGS_FILE
from .programs import Program, start_forked, until

MODEL = {
    "image_size": 32,
    "num_frames": 2,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "drop_path_rate": 0.1,
}
SETTINGS: dict[str, object] = {
    "num_train_clips": 28,
    "num_validation_clips": 7,
    "num_test_clips": 7,
    "num_train_epochs": 3,
    "logging_steps": 1,
    "use_cpu": True,
    "disable_tqdm": True,
}
BATCH_SIZE = 6  # of all ranks together: an uneven last step in every epoch
TIME_FILE = "seconds.json"
# Ends of the names of results that are times, which differ from run to run.
TIMED = ("_runtime", "_per_second")


@dataclass
class SmallRuns:
    """
    Small runs in a folder, and undisturbed ones to compare with.

    Attributes:
        folder: for runs and clips, which are kept between calls.
    """

    folder: Path

    def command(self, run_folder: Path, workers: int = 0, num_ranks: int = 1, *others: str) -> list[str]:
        """The arguments of a training."""
        settings: dict[str, object] = SETTINGS | {"per_device_train_batch_size": BATCH_SIZE // num_ranks}
        settings |= {"dataloader_num_workers": workers, "config_overrides": json.dumps(MODEL)}
        settings |= {"output_dir": run_folder, "cache_dir": self.folder / "clips"}
        return [part for name, value in settings.items() for part in (f"--{name}", str(value))] + list(others)

    def undisturbed(self, num_ranks: int = 1) -> Path:
        """
        Folder of a finished run that nothing has disturbed, trained in the first call. Without workers: their number
        must not change a bit.
        """
        folder = self.folder / f"undisturbed-{num_ranks}"
        if not (folder / TIME_FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            program = start_forked(self.command(folder, 0, num_ranks), self.folder / f"{folder.name}.log", num_ranks)
            until((folder / SETTINGS_FILE).exists, program)
            begin = time.monotonic()
            if program.wait() != 0:
                raise RuntimeError(f"the undisturbed run failed:\n{program.output()[-3000:]}")
            check_world_size(folder, num_ranks)
            (folder / TIME_FILE).write_text(json.dumps(time.monotonic() - begin))
        return folder

    def seconds(self, num_ranks: int = 1) -> float:
        """How long the undisturbed run took from its first file on."""
        seconds: float = json.loads((self.undisturbed(num_ranks) / TIME_FILE).read_text())
        return seconds

    def new_folder(self, name: str) -> Path:
        """A folder of this name that does not exist yet, inside an empty one."""
        place = self.folder / name.replace(" ", "-").replace(",", "")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place / "run"


def check_world_size(folder: Path, num_ranks: int) -> None:
    """
    Checks that so many processes have trained together: each of several leaves its random state in the checkpoints.

    Raises:
        RuntimeError: there were more or fewer.
    """
    newest = next(iter(list_checkpoints(folder).values()))
    found = sorted(file.name for file in newest.glob("rng_state*"))
    expected = ["rng_state.pth"] if num_ranks == 1 else [f"rng_state_{rank}.pth" for rank in range(num_ranks)]
    if found != expected:
        raise RuntimeError(f"{newest} was written by other ranks than {num_ranks}: it has {', '.join(found)}.")


def difference(one: Path, other: Path) -> str | None:
    """The first difference between two finished runs, None where weights, predictions and results are the same."""
    weights, others = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    if weights.keys() != others.keys():
        return "other weights are stored"
    for name, array in weights.items():
        if array.dtype != others[name].dtype or array.tobytes() != others[name].tobytes():
            return f"the weights {name} differ"
    predicted, again = (pq.read_table(folder / PREDICTIONS_FILE, partitioning=None) for folder in (one, other))
    if not predicted.equals(again, check_metadata=True):
        return "the predictions differ"
    results, repeated = (results_of(folder) for folder in (one, other))
    names = [name for name in results | repeated if results.get(name) != repeated.get(name)]
    return f"{names[0]} in {RESULTS_FILE} differs" if names else None


def results_of(folder: Path) -> dict[str, Any]:
    """The results of a run without times."""
    results: dict[str, Any] = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8"))
    return {name: value for name, value in results.items() if not name.endswith(TIMED)}


def last_line(program: Program, word: str = "") -> str:
    """The last line that a program printed, or the last one with a word."""
    lines = [line.strip() for line in program.output().splitlines() if line.strip()]
    fitting = [line for line in lines if word in line]
    return (fitting or lines or ["nothing was printed"])[-1][:300]
