"""Writes a data set as Parquet shards with a card."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .._files import check_writable, hub_card_file, write_json
from ..data.facts import SOURCE_FILE, DataFacts, LeftOutClip
from ..data.problems import Problem
from ..data.shards import DEFAULT_SIDE_PX, prepare_shards
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import gather_clips
from ..data.sources.source import Source
from ..data.sources.table import SOURCES
from .dataset_card import TEMPLATE, write_dataset_card


@dataclass
class PrepareArguments:
    """Folder, size and number of the shards, and format of the stored frames."""

    output_dir: str = field(metadata={"help": "Folder for the shards."})
    side_px: int = field(
        default=DEFAULT_SIDE_PX,
        metadata={"help": "Shorter side of the stored frames in pixels; the default suits training on 112 pixels."},
    )
    jpeg_quality: int = field(default=90, metadata={"help": "JPEG quality of the stored frames, 1 to 95."})
    clips_per_shard: int = field(default=1000, metadata={"help": "Clips in one file."})
    num_workers: int = field(default=2, metadata={"help": "Processes that decode and encode clips."})


def prepare_source(args: PrepareArguments, source_args: SourceArguments) -> None:
    """
    Writes the shards of a data set, `source.json` with the facts about it, and a card. A second call continues after
    an interruption.

    Args:
        args: folder of the shards and format of the frames.
        source_args: the clips; any fold of DFEW, since each has all clips.

    Raises:
        ValueError: synthetic or prepared clips, and as `gather_clips` and `prepare_shards`.
    """
    if not source_args.source.is_on_disk:
        names = ", ".join(repr(name) for name, source in SOURCES.items() if source.is_on_disk)
        raise ValueError(
            f"`dataset` is {source_args.dataset!r}, which needs no preparation; it must be one of {names}."
        )
    output_dir = Path(args.output_dir)
    check_writable(output_dir)
    hub_card_file(TEMPLATE)  # fails before the preparation rather than after it
    source = gather_clips(source_args, source_args.folds[0], output_dir / "problems_of_source.csv")
    unreadable = prepare_shards(
        source.rows,
        output_dir,
        side_px=args.side_px,
        jpeg_quality=args.jpeg_quality,
        clips_per_shard=args.clips_per_shard,
        num_workers=args.num_workers,
        on_problem=source_args.on_problem,
    )
    facts = add_left_out(source, unreadable)
    write_json(output_dir / SOURCE_FILE, asdict(facts))
    write_card(output_dir, args, source_args.folds[0], source, facts)


def add_left_out(source: Source, unreadable: list[Problem]) -> DataFacts:
    """The facts about the data set, with the clips added that could not be read while their frames were stored."""
    places: dict[str, tuple[str, int | None]] = {}  # split and fold of each clip
    for split, rows in source.rows.items():
        folds = rows["fold"] if "fold" in rows.features else [None] * len(rows)
        places |= {clip_id: (split, fold) for clip_id, fold in zip(rows["clip_id"], folds, strict=True)}
    new = tuple(LeftOutClip(problem.clip_id, *places[problem.clip_id]) for problem in unreadable)
    return replace(source.facts, left_out=source.facts.left_out + new)


def write_card(output_dir: Path, args: PrepareArguments, fold: int | None, source: Source, facts: DataFacts) -> None:
    """Writes the card of the shards, `README.md` in their folder."""
    left_out = {clip.clip_id for clip in facts.left_out}
    clips_per_split = {
        split: sum(clip_id not in left_out for clip_id in rows["clip_id"]) for split, rows in source.rows.items()
    }
    features = source.rows["train"].features
    notes = [f"{len(left_out):,} clips could not be read and are left out."] if left_out else []
    if facts.num_folds:
        notes.append(f"The splits are those of fold {fold}; the column `fold` gives the others.")
    write_dataset_card(
        output_dir / "README.md",
        repo_name=output_dir.resolve().name,
        facts=facts,
        clips_per_split=clips_per_split,
        label_names=features["label"].names,
        frame_size=f"at most {args.side_px} pixels on the shorter side, quality {args.jpeg_quality}",
        extra_columns={name: text for name, text in SOURCES[facts.dataset].columns.items() if name in features},
        notes=notes,
    )
