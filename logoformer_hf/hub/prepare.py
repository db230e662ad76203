"""A data set as Parquet shards with a card: prepared once, then carried to where it is trained on."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from .dataset_card import write_dataset_card
from ..data.shards import DEFAULT_SIDE_PX, prepare_shards
from ..data.facts import SOURCE_FILE
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import gather_clips

CARD_TEMPLATE = Path(__file__).resolve().parents[2] / "hub_card" / "dataset_card.md"
_COLUMNS = {"fold": "number of the fold that tests the clip", "scene": "scene of the clip"}


@dataclass
class PrepareArguments:
    """Where shards go, and how frames are stored."""

    output_dir: str = field(metadata={"help": "Folder for the shards."})
    side_px: int = field(
        default=DEFAULT_SIDE_PX,
        metadata={"help": "Shorter side of the stored frames; the default is what training on 112 pixels needs."},
    )
    jpeg_quality: int = field(default=90, metadata={"help": "1 to 95."})
    clips_per_shard: int = field(default=1000, metadata={"help": "Clips of a file."})
    num_workers: int = field(default=2, metadata={"help": "Processes that decode and encode."})


def prepare_source(args: PrepareArguments, source_args: SourceArguments) -> None:
    """
    Writes the shards of a data set, `source.json` with what they are of, and a card. Called again it goes on.

    Args:
        args: where and how.
        source_args: which clips; of DFEW any fold, since each has all clips.

    Raises:
        ValueError: drawn or prepared clips, which gain nothing, and what `gather_clips` and `prepare_shards` raise.
    """
    if source_args.dataset in ("faces", "prepared"):
        raise ValueError(f"dataset {source_args.dataset!r} needs no preparing: name 'dfew', 'ferv39k' or 'clips'.")
    output_dir = Path(args.output_dir)
    source = gather_clips(
        source_args, None if source_args.fold is None else source_args.folds[0], output_dir / "problems_of_source.csv"
    )
    split_of = {clip_id: split for split, rows in source.rows.items() for clip_id in rows["clip_id"]}
    split_of |= {problem.clip_id: split for split, problems in source.problems.items() for problem in problems}
    unreadable = prepare_shards(
        source.rows,
        output_dir,
        side_px=args.side_px,
        jpeg_quality=args.jpeg_quality,
        clips_per_shard=args.clips_per_shard,
        num_workers=args.num_workers,
        on_problem=source_args.on_problem,
    )
    left_out = [problem for problems in source.problems.values() for problem in problems] + unreadable
    facts = {
        "dataset": source.dataset,
        "dataset_name": source.dataset_name,
        "num_folds": source.num_folds,
        "setup": source.setup,
        "left_out": [
            {"clip_id": clip.clip_id, "split": split_of[clip.clip_id], "fold": source.folds.get(clip.clip_id)}
            for clip in left_out
        ],
    }
    (output_dir / SOURCE_FILE).write_text(json.dumps(facts, indent=2) + "\n")
    gone = {clip.clip_id for clip in unreadable}
    rows = {
        split: [clip_id for clip_id in part["clip_id"] if clip_id not in gone] for split, part in source.rows.items()
    }
    features = source.rows["train"].features
    notes = [f"{len(left_out):,} clips could not be read and are left out."] if left_out else []
    if source.num_folds:
        notes.append(f"The splits are those of fold {source_args.folds[0]}; the column `fold` gives the others.")
    write_dataset_card(
        output_dir / "README.md",
        CARD_TEMPLATE,
        repo_name=output_dir.resolve().name,
        dataset=source.dataset,
        dataset_name=source.dataset_name,
        clips_per_split={split: len(clips) for split, clips in rows.items()},
        label_names=features["label"].names,
        frame_size=f"at most {args.side_px} pixels on the shorter side, quality {args.jpeg_quality}",
        extra_columns={name: text for name, text in _COLUMNS.items() if name in features},
        notes=notes,
    )
