"""Writes the card of a prepared data set, which the Hub shows on the page of its repository."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from huggingface_hub import DatasetCard, DatasetCardData

from .._files import hub_card_file, write_text
from ..data.facts import DataFacts
from ..data.sources.table import terms_of
from ..evaluation.tables import markdown_table, plain_text
from .cards import quoted_name, shell_name

TEMPLATE = "dataset_card.md"


def write_dataset_card(
    path: str | Path,
    *,
    repo_name: str,
    facts: DataFacts,
    clips_per_split: Mapping[str, int],
    label_names: Sequence[str],
    frame_size: str,
    extra_columns: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """Writes the card of a prepared data set. Its metadata name the files of each split for `load_dataset`.

    Args:
        path: card to write, `README.md` beside the folder `data` with the shards `<split>-00000-of-000NN.parquet`.
        repo_name: repository (or folder) in the card's snippet with `load_dataset`.
        facts: facts about the data set.
        clips_per_split: number of clips of each split that has shards.
        label_names: names of the classes in the order of their numbers.
        frame_size: size of the embedded frames as text, e.g. "128 pixels on the shorter side".
        extra_columns: columns besides `clip_id`, `video`, `num_frames` and `label`, {name: content}.
        notes: sentences on clips that were left out. They are published unchanged and must not contain paths.
    """
    terms = terms_of(facts)
    num_clips = sum(clips_per_split.values())
    is_open = terms is not None and terms.may_be_published
    metadata = DatasetCardData(
        license=terms.license_name if terms and is_open else "other",
        license_name=None if is_open else terms.license_name if terms else "terms-of-the-source",
        license_link=terms.url if terms else None,
        pretty_name=f"{facts.dataset_name}, prepared for LOGO-Former",
        task_categories=["video-classification"],
        size_categories=[_size_category(num_clips)],
        tags=["facial-expression-recognition", "logoformer", *([terms.name.lower()] if terms else [])],
        configs=[
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in clips_per_split],
            }
        ],
        viewer=False if terms and not is_open else None,  # the viewer would store and show a copy of the clips
    )
    labels = ", ".join(f"{number} {name}" for number, name in enumerate(map(plain_text, label_names)))
    columns = {
        "clip_id": "name of the clip, the same as in the original",
        "video": "its frames in order, as images",
        "num_frames": "how many there are",
        "label": f"number of the expression: {labels}",
    }
    card = DatasetCard.from_template(
        metadata,
        template_path=str(hub_card_file(TEMPLATE)),
        quoted_name=quoted_name(repo_name),
        shell_name=shell_name(repo_name),
        dataset_name=plain_text(facts.dataset_name),
        terms=terms,
        has_folds="fold" in extra_columns,
        num_clips=num_clips,
        quoted_split=quoted_name(next(iter(clips_per_split))),
        splits=markdown_table(["split", "clips"], [[split, f"{clips:,}"] for split, clips in clips_per_split.items()]),
        columns=columns | dict(extra_columns),
        frame_size=plain_text(frame_size),
        notes=[plain_text(note) for note in notes],
    )
    write_text(path, str(card))


def _size_category(num_clips: int) -> str:
    """The Hub's name for a size, e.g. "10K<n<100K" (https://huggingface.co/docs/hub/datasets-cards)."""
    if num_clips < 1_000:
        return "n<1K"
    return "1K<n<10K" if num_clips < 10_000 else "10K<n<100K" if num_clips < 100_000 else "100K<n<1M"
