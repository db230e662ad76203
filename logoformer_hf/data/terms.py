"""Terms under which authors distribute a data set."""

from dataclasses import dataclass

# What terms allow, in words for cards; the first letter is a capital, the end a full stop.
RESEARCH_ONLY = (
    "They give it to researchers at universities who ask for it by e-mail, for non-commercial research. Nobody may "
    "sell it, use it commercially, or publish or distribute any portion of it. Copies are allowed for internal use at "
    "a single site of one organisation."
)
ON_APPLICATION = (
    "They give it to researchers who apply for it and sign an agreement, for non-commercial research. What a person "
    "may do with a copy is in that agreement; this card assumes that no portion may be passed on."
)
ODBL = (
    "It is under the [Open Database License 1.0](https://opendatacommons.org/licenses/odbl/1-0/), its contents under "
    "the [Database Contents License 1.0](https://opendatacommons.org/licenses/dbcl/1-0/): it may be copied and "
    "published, with this notice and the names of its authors, and a database that is derived from it under the same "
    "licence."
)
CC_BY_NC_SA = (
    "It is under [CC BY-NC-SA 4.0](https://creativecommons.org/licenses/by-nc-sa/4.0/): it may be copied, changed and "
    "published, with the names of its authors and a note of changes, for non-commercial purposes, and under the same "
    "licence."
)


@dataclass(frozen=True)
class DataTerms:
    """
    Terms of a data set.

    Attributes:
        name: name of the data set, to be displayed.
        license_name: licence in the metadata of a card: one that the Hub knows where the data may be passed on,
            otherwise a name of its own beside the licence "other".
        url: page on which the authors publish the data or the terms.
        allows: what they allow, in sentences of Markdown.
        covers_derived: whether they name derived data.
        attribution: whom a copy must name, None where no copy may be published.
    """

    name: str
    license_name: str
    url: str
    allows: str = RESEARCH_ONLY
    attribution: str | None = None
    covers_derived: bool = False

    @property
    def may_be_published(self) -> bool:
        """Whether copies may be passed on."""
        return self.attribution is not None
