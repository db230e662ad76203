"""The table of sources of clips, and what it says about a data set."""

from importlib import import_module

from ..facts import DataFacts
from ..terms import DataTerms
from .source import ClipSource

# One line a source: the file beside this one that has its `SOURCE`.
_FILES = (
    "drawn_faces",
    "dfew",
    "ferv39k",
    "clip_folder",
    "prepared",
)

_ENTRIES: tuple[ClipSource, ...] = tuple(import_module(f"{__package__}.{file}").SOURCE for file in _FILES)
SOURCES: dict[str, ClipSource] = {entry.name: entry for entry in _ENTRIES}


def source_of(facts: DataFacts) -> ClipSource | None:
    """
    The source of a data set, None for one that this package does not know.

    One with terms is also found by its name: own clips in a folder called "dfew-faces" are taken for DFEW's.
    """
    text = f"{facts.dataset} {facts.dataset_name}".lower()
    with_terms = (source for source in SOURCES.values() if source.terms and source.name in text)
    return next(with_terms, SOURCES.get(facts.dataset))


def terms_of(facts: DataFacts) -> DataTerms | None:
    """The terms that forbid to pass a data set on, None where none are known."""
    source = source_of(facts)
    return None if source is None else source.terms


def check_may_be_public(facts: DataFacts) -> None:
    """
    To be called before clips go to a repository that everybody can read.

    Raises:
        ValueError: the authors of the data set forbid it.
    """
    if terms := terms_of(facts):
        raise ValueError(
            f"{terms.name} must not be published: its authors give it to researchers for non-commercial use, and let "
            f"nobody publish or distribute any portion of it ({terms.url}). Use a private repository, `--private`, "
            "if what you agreed with them lets your organisation keep a copy there."
        )
