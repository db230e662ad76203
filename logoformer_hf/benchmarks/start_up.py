"""
Measures the start of programs in CPU seconds (user and system), compared with the start of transformers.

    python -m logoformer_hf.benchmarks.start_up

Every round starts each program once, so that load of the machine affects all alike. Printed are medians over rounds
and ratios of medians. The worker is one process of a data loader with the start method "spawn", from its start to its
end; it reads one clip.
"""

import argparse
import resource
import statistics
import subprocess
import sys

AUTO_CLASSES = "from transformers import AutoConfig, AutoModel, AutoModelForVideoClassification, AutoVideoProcessor"
WORKER = "logoformer_hf.benchmarks.start_up"
PROGRAMS = {
    "import torch": ["-c", "import torch"],
    "the four Auto classes": ["-c", AUTO_CLASSES],
    "import logoformer_hf": ["-c", "import logoformer_hf"],
    "logoformer --help": ["-m", "logoformer_hf.cli", "--help"],
    "logoformer with an unknown command": ["-m", "logoformer_hf.cli", "tran"],
    "logoformer evaluate with a wrong option": ["-m", "logoformer_hf.cli", "evaluate", "--modle", "x"],
    "a spawned worker": ["-m", WORKER, "--worker"],
}
RATIOS = (
    ("import logoformer_hf", "the four Auto classes"),
    ("logoformer --help", "import logoformer_hf"),
    ("logoformer with an unknown command", "import logoformer_hf"),
    ("logoformer evaluate with a wrong option", "import logoformer_hf"),
    ("a spawned worker", "import logoformer_hf"),
)


def cpu_sec(command: list[str]) -> float:
    """CPU seconds of a program; with `--worker` those that the program prints for its worker."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if command[-1] == "--worker":
        return float(finished.stdout)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def worker_cpu_sec() -> float:
    """CPU seconds of one spawned worker of a data loader over a `ClipDataset`."""
    import datasets
    import numpy as np
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader

    from ..data.clips import ClipDataset
    from ..data.collator import collate_clips
    from ..data.rows import clip_features
    from ..data.transforms import TrainingTransforms
    from ..video_processing_logoformer import LogoFormerVideoProcessor

    frames = [Image.fromarray(np.full((120, 120, 3), value, np.uint8)) for value in range(0, 160, 10)]
    features = clip_features()
    features["video"] = datasets.List(datasets.Image())
    row = {"clip_id": "0", "video": frames, "num_frames": len(frames), "label": 0}
    rows = datasets.Dataset.from_list([row], features=features)
    clips = ClipDataset(rows, LogoFormerVideoProcessor(), TrainingTransforms(112))
    context = torch.multiprocessing.get_context("spawn")
    loader = DataLoader(clips, num_workers=1, collate_fn=collate_clips, multiprocessing_context=context)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert len(list(loader)) == 1
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints the CPU seconds of each program and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="starts of each program")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        print(worker_cpu_sec())
        return
    rounds: list[dict[str, float]] = []
    for number in range(args.rounds + 1):  # the first warms the disk's cache and is not counted
        print(f"round {number} of {args.rounds}", file=sys.stderr, flush=True)
        rounds.append({name: cpu_sec(command) for name, command in PROGRAMS.items()})
    rounds = rounds[1:]
    medians = {name: statistics.median(each[name] for each in rounds) for name in PROGRAMS}
    for name, value in medians.items():
        print(f"{name:<42}{value:8.2f} s")
    for name, other in RATIOS:
        print(f"{name} / {other}: {medians[name] / medians[other]:.2f}")


if __name__ == "__main__":
    main()
