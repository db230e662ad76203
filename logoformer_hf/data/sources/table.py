"""The table of sources of clips, and functions that find the source and the terms of a data set in it."""

import re
from importlib import import_module

from ..facts import DataFacts
from ..terms import DataTerms
from .lists import names_lists
from .source import ClipSource

# One line per source: the file in this folder that defines its `SOURCE`.
_FILES = (
    "drawn_faces",
    "dfew",
    "ferv39k",
    "mafw",
    "crema_d",
    "ravdess",
    "clip_folder",
    "videos",
    "affectnet",
    "raf_db",
    "fer2013",
    "stills",
    "prepared",
)

_ENTRIES: tuple[ClipSource, ...] = tuple(import_module(f"{__package__}.{file}").SOURCE for file in _FILES)
SOURCES: dict[str, ClipSource] = {entry.name: entry for entry in _ENTRIES}


def source_of(facts: DataFacts) -> ClipSource | None:
    """
    The source of a data set, None for one that this package does not know.

    A source with terms is also found by its name: own clips in a folder "dfew-faces" are treated as DFEW's.
    """
    text = _plain(f"{facts.dataset} {facts.dataset_name}")
    with_terms = (source for source in SOURCES.values() if source.terms and _plain(source.name) in text)
    return next(with_terms, SOURCES.get(facts.dataset))


def _plain(name: str) -> str:
    """A name without case and signs: "CREMA-D faces" holds "cremad"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def has_official_split(facts: DataFacts) -> bool:
    """Whether the authors of a data set decided which of these clips train and which test; not with other lists."""
    return facts.dataset in SOURCES and SOURCES[facts.dataset].has_official_split and not names_lists(facts.setup)


def check_has_labels(facts: DataFacts) -> None:
    """Raises a `ValueError` for clips without labels, also where they are in prepared shards."""
    if facts.dataset in SOURCES and not SOURCES[facts.dataset].has_labels:
        raise ValueError(
            f"the clips of {facts.dataset_name} have no labels: they are for `logoformer pretrain-clips`. Clips with "
            "labels are read by another `dataset`, as 'clips'."
        )


def terms_of(facts: DataFacts) -> DataTerms | None:
    """The terms of a data set, None if none are known."""
    source = source_of(facts)
    return None if source is None else source.terms


def check_may_be_public(facts: DataFacts) -> None:
    """
    Checks that clips may be published; to be called before they are uploaded to a public repository.

    Raises:
        ValueError: the authors of the data set do not allow it.
    """
    terms = terms_of(facts)
    if terms is not None and not terms.may_be_published:
        raise ValueError(
            f"{terms.name} must not be published: its authors give it to researchers for non-commercial use, and do "
            f"not allow any portion of it to be published or distributed ({terms.url}). Use a private repository, "
            "`--private`, if your agreement with them allows your organisation to keep a copy there."
        )
