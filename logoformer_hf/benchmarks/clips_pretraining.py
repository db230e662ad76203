"""
Measures what masked pretraining on clips without labels brings where labelled clips are few: on drawn clips at
`difficulty` 1, a tenth of them labelled, against random weights and against a frame encoder that was pretrained on
stills of the same labelled clips.

    python -m logoformer_hf.benchmarks.clips_pretraining outputs/clips_pretraining --page docs/expectations.md

All trainings of a seed have the same labelled clips, steps and order. Finished trainings are in a file of the seed's
folder; interrupted work goes on with the same command.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import DatasetDict
from transformers import set_seed
from transformers.trainer_callback import PrinterCallback

from .._files import read_json, whole_file, write_json
from ..configuration_logoformer import EXPRESSIONS, LogoFormerConfig
from ..data.splits import keep_train_share
from ..data.synthetic.clips import build_synthetic_clips
from ..data.transforms import TrainingTransforms
from ..evaluation.scorer import Scorer
from ..evaluation.tables import markdown_table
from ..modeling_logoformer import LogoFormerForVideoClassification
from ..models.masked_clips import LogoFormerForMaskedClips
from ..training.arguments import LogoFormerTrainingArguments
from ..training.masked_trainer import SHARES, MaskedClipsTrainer
from ..training.trainer import LogoFormerTrainer
from ..video_processing_logoformer import LogoFormerVideoProcessor
from .ablation.benchmark import DIFFICULTY, describe_difficulty
from .ablation.clips import StoredClips, keep_batch, store_frames
from .ablation.peers import FormerDFERKind
from .ablation.results import mean_gain
from .ablation.training import RECIPE
from .ablation.variant import reference_config
from .pages import write_section

SECTION = "clips"
SEEDS = 5
CLIPS = {"train": 4200, "validation": 7, "test": 1050}
SHARE = 0.1
NUM_FRAMES = 8
VIEWS = 2  # versions of each training clip with other frames, crops and flips
CLIPS_SEED = 0
RESULTS_FILE = "results.json"


@dataclass(frozen=True)
class Setting:
    """
    Lengths of the trainings, in passes over their clips.

    Attributes:
        clips_epochs: of the masked pretraining, over all training clips.
        stills_epochs: of the pretraining on stills, one frame of each labelled clip.
        epochs: of the training on labelled clips.
    """

    clips_epochs: int = 3
    stills_epochs: int = 80
    epochs: int = 20


@dataclass(frozen=True)
class Arm:
    """
    A model, and where its frame encoder begins; all other weights are random.

    Attributes:
        title: title in tables.
        model: class of the model.
        start: of the frame encoder: "random", "clips" or "stills".
    """

    title: str
    model: type[Any]
    start: str


ARMS = {
    "clips": Arm("LOGO-Former, frame encoder from clips", LogoFormerForVideoClassification, "clips"),
    "stills": Arm("LOGO-Former, frame encoder from stills", LogoFormerForVideoClassification, "stills"),
    "random": Arm("LOGO-Former, random weights", LogoFormerForVideoClassification, "random"),
    "dfer_clips": Arm("Former-DFER's kind, frame encoder from clips", FormerDFERKind, "clips"),
    "dfer_random": Arm("Former-DFER's kind, random weights", FormerDFERKind, "random"),
}


class LabelledClips(StoredClips):
    """The clips at some places of "train"."""

    def __init__(self, clips_dir: Path, places: Sequence[int], seed: int):
        super().__init__(clips_dir, "train", "frames", seed=seed)
        self.labels, self.clip_ids = ([values[place] for place in places] for values in (self.labels, self.clip_ids))
        self.places = np.array(places)


class LabelledStills(LabelledClips):
    """One frame of each of the same clips as a clip of one frame, another one in every epoch."""

    def __getitems__(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """As in `StoredClips`: `frames (batch, 1, channels, height, width)`."""
        batch = super().__getitems__(indices)
        chosen = np.random.default_rng((self.seed, self.epoch)).integers(batch["frames"].shape[1], size=len(self))
        batch["frames"] = batch["frames"][torch.arange(len(indices)), torch.from_numpy(chosen[indices])][:, None]
        return batch


def configuration(**changes: Any) -> LogoFormerConfig:
    """The narrow model of the ablation, for clips of `NUM_FRAMES` frames."""
    return reference_config(**{"num_frames": NUM_FRAMES, "window_size": (NUM_FRAMES, 2, 2)} | changes)


def processor_of(config: LogoFormerConfig) -> LogoFormerVideoProcessor:
    """Reads clips for a model: frames are spread evenly, one from each segment."""
    return LogoFormerVideoProcessor.from_config(config, frames_per_segment=1)


def prepare(folder: Path, num_workers: int) -> DatasetDict:
    """Draws all clips and writes their array files into a folder, what is missing; gives their rows."""
    options: dict[str, Any] = {f"num_{split}": number for split, number in CLIPS.items()}
    cache_dir = folder / "drawn"
    rows = build_synthetic_clips(cache_dir, seed=CLIPS_SEED, num_workers=num_workers, **options | DIFFICULTY)
    processor = processor_of(configuration())
    for split, views in (("train", VIEWS), ("test", 1)):
        transforms = TrainingTransforms(processor.crop_size["height"]) if split == "train" else None
        store_frames(rows[split], folder / f"{split}_frames.npy", 0, transforms, views, processor)
        facts = folder / f"{split}.npz"
        if not facts.exists():
            with whole_file(facts) as partial, partial.open("wb") as file:
                np.savez(file, labels=rows[split]["label"], clip_ids=rows[split]["clip_id"])
    return rows


def labelled_places(rows: DatasetDict, seed: int) -> list[int]:
    """Places in "train" of the clips whose labels a seed looks at: all clips of a tenth of the people."""
    place_of = {clip_id: place for place, clip_id in enumerate(rows["train"]["clip_id"])}
    return [place_of[clip_id] for clip_id in keep_train_share(rows, SHARE, seed)["train"]["clip_id"]]


def training_arguments(
    folder: Path, seed: int, epochs: int, batch_size: int, **others: Any
) -> LogoFormerTrainingArguments:
    """Those of the ablation's recipe, with some others."""
    changes: dict[str, Any] = {
        "output_dir": str(folder),
        "seed": seed,
        "num_train_epochs": epochs,
        "per_device_train_batch_size": batch_size,
        "per_device_eval_batch_size": 25,
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_steps": 1 / 16,  # of all steps
        "load_best_model_at_end": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        "label_names": ["labels"],
        "disable_tqdm": True,
        "use_cpu": True,
    }
    return LogoFormerTrainingArguments(**RECIPE | changes | others)


def pretrain_on_clips(clips_dir: Path, folder: Path, seed: int, setting: Setting) -> dict[str, Any]:
    """
    Masked pretraining on all training clips, whose labels are not looked at. Writes the weights into `clips.pt` of the
    folder, and returns seconds and what is explained in the end.
    """
    set_seed(seed)
    clips = StoredClips(clips_dir, "train", "frames", seed=seed)
    config = configuration()
    trainer = MaskedClipsTrainer(
        model=LogoFormerForMaskedClips(config),
        args=training_arguments(folder, seed, setting.clips_epochs, batch_size=16, learning_rate=2e-3),
        train_dataset=clips,
        data_collator=keep_batch,
        processing_class=processor_of(config),
    )
    trainer.remove_callback(PrinterCallback)
    start_sec = time.process_time()
    trainer.train()
    seconds = time.process_time() - start_sec
    model: Any = trainer.model
    torch.save(model.logoformer.backbone.state_dict(), folder / "clips.pt")
    [last] = [log for log in trainer.state.log_history if "explained_differences" in log][-1:]
    return {"sec": seconds} | {name: last[f"explained_{name}"] for name in SHARES}


def pretrain_on_stills(
    clips_dir: Path, folder: Path, places: Sequence[int], seed: int, setting: Setting
) -> dict[str, Any]:
    """
    Trains the frame encoder on labelled stills as `logoformer pretrain-frames` does, with a linear layer on its mean.
    Writes the weights into `stills.pt` of the folder, and returns the seconds.
    """
    set_seed(seed)
    config = configuration(num_frames=1, num_hidden_layers=0, window_size=(1, 1, 1))
    stills = LabelledStills(clips_dir, places, seed)
    model = LogoFormerForVideoClassification(config)
    trainer = trainer_of(model, stills, training_arguments(folder, seed, setting.stills_epochs, batch_size=64))
    start_sec = time.process_time()
    trainer.train()
    seconds = time.process_time() - start_sec
    torch.save(model.logoformer.backbone.state_dict(), folder / "stills.pt")
    return {"sec": seconds}


def trainer_of(model: Any, clips: StoredClips, args: LogoFormerTrainingArguments) -> LogoFormerTrainer:
    """The package's Trainer for stored clips, without its prints."""
    trainer = LogoFormerTrainer(
        model=model,
        args=args,
        train_dataset=clips,
        data_collator=keep_batch,
        processing_class=processor_of(model.config),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def fine_tune(
    arm: Arm, clips_dir: Path, folder: Path, places: Sequence[int], seed: int, setting: Setting
) -> dict[str, Any]:
    """Trains an arm on the labelled clips and tests the last epoch; returns seconds, and the test UAR from 0 to 1."""
    set_seed(seed)
    model = arm.model(configuration())
    if arm.start != "random":
        model.base_model.backbone.load_state_dict(torch.load(folder / f"{arm.start}.pt", weights_only=True))
    set_seed(seed)
    trainer = trainer_of(
        model,
        LabelledClips(clips_dir, places, seed),
        training_arguments(folder, seed, setting.epochs, batch_size=16),
    )
    start_sec = time.process_time()
    trainer.train()
    seconds = time.process_time() - start_sec
    tested = trainer.predict_clips(StoredClips(clips_dir, "test", "frames", seed=seed))
    return {"sec": seconds, "uar": Scorer(EXPRESSIONS).score(tested.logits, tested.labels)["uar"]}


def steps_of_seed(
    folder: Path, rows: DatasetDict, seed: int, setting: Setting
) -> dict[str, Callable[[], dict[str, Any]]]:
    """All trainings of a seed by name, in an order in which they can be done; each gives its result."""
    of_seed = folder / f"seed-{seed}"
    of_seed.mkdir(exist_ok=True)
    places = labelled_places(rows, seed)

    def of_arm(arm: Arm) -> Callable[[], dict[str, Any]]:
        return lambda: fine_tune(arm, folder, of_seed, places, seed, setting)

    return {
        "pretrain_clips": lambda: pretrain_on_clips(folder, of_seed, seed, setting),
        "pretrain_stills": lambda: pretrain_on_stills(folder, of_seed, places, seed, setting),
        **{name: of_arm(arm) for name, arm in ARMS.items()},
    }


def measure(folder: Path, rows: DatasetDict, seeds: Sequence[int], setting: Setting) -> dict[int, dict[str, Any]]:
    """The results of every seed by name; what is in its file already is not done again. Former-DFER's kind is last."""
    facts: dict[str, Any] = {"setting": asdict(setting), "numbers_of_clips": CLIPS, "share": SHARE, "views": VIEWS}
    steps = {seed: steps_of_seed(folder, rows, seed, setting) for seed in seeds}
    results: dict[int, dict[str, Any]] = {}
    for last in (False, True):
        for seed in seeds:
            file = folder / f"seed-{seed}" / RESULTS_FILE
            known = results[seed] = read_json(file) if file.is_file() else dict(facts)
            if any(known[name] != value for name, value in facts.items()):
                raise ValueError(f"{file} has results of another setting: choose another folder")
            for name, step in steps[seed].items():
                if name not in known and name.startswith("dfer") == last:
                    known[name] = step()
                    write_json(file, known)
                    print(f"seed {seed}, {name}: {known[name]}", flush=True)
    return results


def section(results: Mapping[int, Mapping[str, Any]], setting: Setting) -> str:
    """The tables with what they mean."""
    uars = {name: np.array([100 * each[name]["uar"] for each in results.values()]) for name in ARMS}
    rows = [
        [arm.title, *(f"{uar:.1f}" for uar in uars[name]), f"{uars[name].mean():.1f}"] for name, arm in ARMS.items()
    ]
    table = markdown_table(["UAR, %", *(f"seed {seed}" for seed in results), "mean"], rows)
    compared = []
    for ours, theirs in (("clips", "random"), ("clips", "stills"), ("dfer_clips", "dfer_random")):
        gain = mean_gain(uars[ours] - uars[theirs])
        assert gain is not None  # there are two seeds at least
        title = f"{ARMS[ours].title} - {ARMS[theirs].title.partition(', ')[2]}"
        compared.append([title, f"{gain.value:+.1f}", f"{gain.low:+.1f} to {gain.high:+.1f}"])
    gains = markdown_table(["difference, points", "mean", "95 %"], compared)
    trainings = ("pretrain_clips", "pretrain_stills", *ARMS)
    seconds = {name: float(np.mean([each[name]["sec"] for each in results.values()])) for name in trainings}
    means = {name: float(np.mean([each["pretrain_clips"][name] for each in results.values()])) for name in SHARES}
    labelled = round(SHARE * CLIPS["train"])
    return (
        f"UAR on {CLIPS['test']:,} drawn test clips of other people, {describe_difficulty('`')}: the narrow model of "
        f"[ablation.md](ablation.md) on {NUM_FRAMES} frames of 56 pixels, {setting.epochs} epochs on about {labelled} "
        "labelled clips (whole people, another choice for every seed), the last epoch is tested. Pretraining on "
        f"clips: {setting.clips_epochs} epochs on {CLIPS['train']:,} clips without labels, those among them; "
        f"pretraining of the frame encoder on stills: {setting.stills_epochs} epochs on one frame of each labelled "
        f"clip, another one in every epoch.\n\n{table}\n\nOver {len(results)} paired seeds (Student's t):\n\n"
        f"{gains}\n\nSeconds of one core, beside other processes: {seconds['pretrain_clips']:.0f} for the pretraining "
        f"on clips, {seconds['pretrain_stills']:.0f} on stills, {seconds['clips']:.0f} for a training of LOGO-Former, "
        f"{seconds['dfer_clips']:.0f} of Former-DFER's kind. At the end of the pretraining "
        f"{100 * means['look']:.0f} % of the variance of hidden places' means over the frames was explained, and "
        f"{100 * means['motion']:.0f} % of what moves there."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, and writes it into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output_dir", type=Path, help="folder for clips, weights and results")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(range(SEEDS)), help="at least two for an interval"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that draw clips")
    parser.add_argument("--page", help="Markdown page into whose marked section the table is written")
    args = parser.parse_args(arguments)
    setting = Setting()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    rows = prepare(args.output_dir, args.workers)
    text = section(measure(args.output_dir, rows, args.seeds, setting), setting)
    print(text)
    if args.page:
        write_section(args.page, SECTION, text)


if __name__ == "__main__":
    main()
