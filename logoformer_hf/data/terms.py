"""Terms under which authors give out a data set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataTerms:
    """
    Terms that let nobody publish or pass on any part of a data set.

    Attributes:
        name: of the data set, for readers.
        license_name: what the metadata of a card calls the terms, where its `license` is "other".
        url: where the authors publish them.
    """

    name: str
    license_name: str
    url: str
