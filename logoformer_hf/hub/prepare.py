"""Writes a data set as Parquet shards with a card."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .._files import check_writable, hub_card_file, write_json
from ..data.facts import SOURCE_FILE, DataFacts
from ..data.folder_lock import folder_lock
from ..data.identity import CONTENT_ID
from ..data.shards import DEFAULT_JPEG_QUALITY, DEFAULT_SIDE_PX, has_content_ids, prepare_shards
from ..data.sources.arguments import SourceArguments
from ..data.sources.gather import add_left_out, gather_clips
from ..data.sources.source import Source
from ..data.sources.table import SOURCES
from .dataset_card import TEMPLATE, write_dataset_card

if TYPE_CHECKING:
    from ..data.face_crops import CropFormat


@dataclass
class PrepareArguments:
    """Folder, size and number of the shards, and format of the stored frames."""

    output_dir: str = field(metadata={"help": "Folder for the shards."})
    side_px: int = field(
        default=DEFAULT_SIDE_PX,
        metadata={"help": "Shorter side of the stored frames in pixels; the default suits training on 112 pixels."},
    )
    jpeg_quality: int = field(
        default=DEFAULT_JPEG_QUALITY, metadata={"help": "JPEG quality of the stored frames, 1 to 95."}
    )
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
        FolderInUseError: another program works in the folder.
    """
    if not source_args.source.is_on_disk:
        names = ", ".join(repr(name) for name, source in SOURCES.items() if source.is_on_disk)
        raise ValueError(
            f"`dataset` is {source_args.dataset!r}, which needs no preparation; it must be one of {names}."
        )
    output_dir = Path(args.output_dir)
    check_writable(output_dir)
    hub_card_file(TEMPLATE)  # fails before the preparation rather than after it
    if source_args.face_side_px is not None:
        raise ValueError("`face_side_px` is for training; the shards have crops of `side_px`: give that instead.")
    with folder_lock(output_dir):
        prepare_alone(args, source_args, output_dir)


def prepare_alone(args: PrepareArguments, source_args: SourceArguments, output_dir: Path) -> None:
    """`prepare_source` in a folder in which no other program works."""
    problems_file = output_dir / "problems_of_source.csv"
    source = gather_clips(
        source_args, source_args.folds[0], problems_file, True, crop_format(args, source_args), args.num_workers
    )
    unreadable = prepare_shards(
        source.rows,
        output_dir,
        side_px=args.side_px,
        jpeg_quality=args.jpeg_quality,
        clips_per_shard=args.clips_per_shard,
        num_workers=args.num_workers,
        on_problem=source_args.on_problem,
        faces=source.facts.faces,
    )
    facts = add_left_out(source.facts, source.rows, unreadable)
    write_json(output_dir / SOURCE_FILE, asdict(facts))
    write_card(output_dir, args, source_args.folds[0], source, facts)


def crop_format(args: PrepareArguments, source_args: SourceArguments) -> "CropFormat | None":
    """The format of crops that are stored as they are; None where frames are not cropped."""
    if not source_args.faces:
        return None
    from ..data.face_crops import CropFormat  # OpenCV, which only this needs

    return CropFormat(source_args.detector, args.side_px, args.jpeg_quality)


def write_card(output_dir: Path, args: PrepareArguments, fold: int | None, source: Source, facts: DataFacts) -> None:
    """Writes the card of the shards, `README.md` in their folder."""
    left_out = {clip.clip_id for clip in facts.left_out}
    clips_per_split = {
        split: sum(clip_id not in left_out for clip_id in rows["clip_id"]) for split, rows in source.rows.items()
    }
    features = source.rows["train"].features
    frame_size = f"at most {args.side_px} pixels on the shorter side"
    if facts.faces:
        frame_size = f"crops of the main person's face, {args.side_px}x{args.side_px} pixels ({facts.faces})"
    extra_columns = {name: text for name, text in SOURCES[facts.dataset].columns.items() if name in features}
    if has_content_ids(output_dir):
        extra_columns[CONTENT_ID] = "identifier of the original clip by its content"
    notes = [f"{len(left_out):,} clips could not be read and are left out."] if left_out else []
    if facts.num_folds:
        notes.append(f"The splits are those of fold {fold}; the column `fold` gives the others.")
    write_dataset_card(
        output_dir / "README.md",
        repo_name=output_dir.resolve().name,
        facts=facts,
        clips_per_split=clips_per_split,
        label_names=features["label"].names,
        frame_size=frame_size + f", quality {args.jpeg_quality}",
        extra_columns=extra_columns,
        notes=notes,
    )
