"""Terms under which authors distribute a data set."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataTerms:
    """
    Terms that do not allow any part of a data set to be published or redistributed.

    Attributes:
        name: name of the data set, to be displayed.
        license_name: `license_name` in the metadata of a card, whose `license` is "other".
        url: page on which the authors publish the terms.
    """

    name: str
    license_name: str
    url: str
