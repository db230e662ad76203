"""
Measures what a frame encoder that was pretrained on stills brings where labelled clips are few: on drawn faces, a
`tiny` LOGO-Former on a fifth of the clips, from the pretrained frame encoder and from random weights.

    python -m logoformer_hf.benchmarks.stills outputs/stills --page docs/expectations.md

Each seed has its own people in the stills and its own fifth of the clips. Both trainings of a seed have the same
clips, steps and random numbers. Interrupted work goes on with the same command.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .._files import read_json, write_json
from ..data.synthetic.stills import draw_stills
from ..evaluation.tables import markdown_table
from ..training.pretrain_frames import main as pretrain_frames
from ..training.run_files import RESULTS_FILE
from ..training.train import main as train
from .ablation.results import mean_gain
from .pages import write_section

SECTION = "stills"
SEEDS = 5
STILLS = {"train": 1400, "validation": 70, "test": 210}
CLIPS = {"train": 700, "validation": 49, "test": 210}
SHARE = 0.2
STILLS_SEED = 10_000  # added to a seed: other people than in the clips
_ARMS = ("random", "pretrained")
_RESULT = "result.json"


@dataclass(frozen=True)
class Setting:
    """
    What is measured.

    Attributes:
        difficulty: of stills and clips, 0 to 1.
        epochs: of every training.
        stills_epochs: of the pretraining.
    """

    difficulty: float = 0.0
    epochs: int = 10
    stills_epochs: int = 6


@dataclass(frozen=True)
class SeedResult:
    """
    The result of one seed: UAR from 0 to 1, and seconds of training.

    Attributes:
        seed: the seed.
        stills_uar: of the pretrained frame encoder, on stills of other people.
        random_uar: of the LOGO-Former from random weights, on test clips.
        pretrained_uar: of the LOGO-Former from the pretrained frame encoder.
        stills_sec: seconds of the pretraining.
        clips_sec: seconds of a training on clips, mean of both.
    """

    seed: int
    stills_uar: float
    random_uar: float
    pretrained_uar: float
    stills_sec: float
    clips_sec: float


def measure_seed(folder: Path, seed: int, setting: Setting) -> SeedResult:
    """Draws, pretrains and trains twice, in a folder; what is there already is not done again."""
    if (folder / _RESULT).is_file():
        return SeedResult(**read_json(folder / _RESULT))
    stills = draw_stills(folder / "stills-drawn", STILLS, STILLS_SEED + seed, setting.difficulty)
    common = ["--cache_dir", str(folder.parent / "cache"), "--seed", str(seed), "--dataloader_num_workers", "0"]
    common += ["--use_cpu", "True", "--disable_tqdm", "True", "--save_total_limit", "1"]
    common += ["--eval_strategy", "no", "--load_best_model_at_end", "False"]  # the last epoch is tested
    pretrain_frames(
        [
            *("--dataset", "stills", "--data_dir", str(stills), "--model", "tiny", *common),
            *("--num_train_epochs", str(setting.stills_epochs), "--per_device_train_batch_size", "32"),
            *("--output_dir", str(folder / "stills")),
        ]
    )
    for arm in _ARMS:
        start = ["--backbone_checkpoint", str(folder / "stills")] if arm == "pretrained" else []
        counts = [word for split, number in CLIPS.items() for word in (f"--num_{split}_clips", str(number))]
        train(
            [
                *("--difficulty", str(setting.difficulty), "--train_share", str(SHARE), *counts, *start, *common),
                *("--num_train_epochs", str(setting.epochs), "--output_dir", str(folder / arm)),
            ]
        )
    results = {name: read_json(folder / name / RESULTS_FILE) for name in ("stills", *_ARMS)}
    stills_uar, random_uar, pretrained_uar = (results[name]["test_uar"] for name in ("stills", *_ARMS))
    clips_sec = float(np.mean([results[arm]["train_runtime"] for arm in _ARMS]))
    result = SeedResult(seed, stills_uar, random_uar, pretrained_uar, results["stills"]["train_runtime"], clips_sec)
    write_json(folder / _RESULT, asdict(result))
    return result


def section(results: Sequence[SeedResult], setting: Setting) -> str:
    """The table with what it means."""
    rows = [
        [
            str(each.seed),
            f"{100 * each.stills_uar:.1f}",
            f"{100 * each.random_uar:.1f}",
            f"{100 * each.pretrained_uar:.1f}",
            f"{100 * (each.pretrained_uar - each.random_uar):+.1f}",
        ]
        for each in results
    ]
    means = [100 * float(np.mean([getattr(each, f"{name}_uar") for each in results])) for name in ("stills", *_ARMS)]
    gain = mean_gain(np.array([each.pretrained_uar - each.random_uar for each in results]))
    assert gain is not None  # there are two seeds at least
    rows.append(["mean", *(f"{value:.1f}" for value in means), f"{100 * gain.value:+.1f}"])
    table = markdown_table(
        ["seed", "encoder alone, on stills", "from random weights", "from the pretrained encoder", "difference"], rows
    )
    stills_sec = float(np.mean([each.stills_sec for each in results]))
    clips_sec = float(np.mean([each.clips_sec for each in results]))
    return (
        f"UAR in percent on {CLIPS['test']:,} drawn test clips, difficulty {setting.difficulty:g}: `tiny` "
        f"LOGO-Former, {setting.epochs} epochs on a fifth of {CLIPS['train']:,} training clips (`--train_share "
        f"{SHARE:g}`), the last epoch is tested; all that differs is where the frame encoder begins. It was "
        f"pretrained for {setting.stills_epochs} epochs on {STILLS['train']:,} drawn stills of other people.\n\n"
        f"{table}\n\n"
        f"Difference over {len(results)} paired seeds: **{100 * gain.value:+.1f} points**, 95 % interval "
        f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f} (Student's t). The pretraining took {stills_sec:.0f} s "
        f"and each training on clips {clips_sec:.0f} s, on one core of a machine that others used, too; "
        "the pretraining comes on top."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output_dir", type=Path, help="folder for stills, clips, models and results")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="number of seeds, from 0 on")
    parser.add_argument("--difficulty", type=float, default=Setting.difficulty, help="of stills and clips, 0 to 1")
    parser.add_argument("--page", help="Markdown page into whose marked section the table is written")
    args = parser.parse_args(arguments)
    if args.seeds < 2:
        parser.error("--seeds must be at least 2 for an interval")
    setting = Setting(args.difficulty)
    args.output_dir.mkdir(parents=True, exist_ok=True)
    file = args.output_dir / "setting.json"
    if file.is_file() and read_json(file) != asdict(setting):
        parser.error(f"{args.output_dir} holds another measurement ({json.dumps(read_json(file))}): choose another")
    write_json(file, asdict(setting))
    results = []
    for seed in range(args.seeds):
        begin = time.perf_counter()
        results.append(measure_seed(args.output_dir / f"seed-{seed}", seed, setting))
        print(f"{results[-1]}, {time.perf_counter() - begin:.0f} s", flush=True)
    text = section(results, setting)
    print(text)
    if args.page:
        write_section(args.page, SECTION, text)


if __name__ == "__main__":
    main()
