"""Whose terms a data set is under, and what they forbid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataTerms:
    """Terms under which authors give their data set to researchers.

    Attributes:
        name: of the data set, for readers.
        license_name: what the metadata of a card calls the terms, where its `license` is "other".
        url: where the authors publish them.
    """

    name: str
    license_name: str
    url: str


# Both pages say the same: for non-commercial research only; no portion may be copied on, published or distributed, but
# for copies for internal use at a single site of one organisation.
DATA_TERMS = {
    "dfew": DataTerms("DFEW", "dfew-non-commercial-research", "https://dfew-dataset.github.io/download.html"),
    "ferv39k": DataTerms("FERV39K", "ferv39k-non-commercial-research", "https://github.com/wangyanckxx/FERV39k"),
}


def data_terms(dataset: str) -> DataTerms | None:
    """
    The terms of DFEW or FERV39K, None for any other data set.

    Args:
        dataset: as `--dataset` names it or as readers know it: "dfew", "DFEW, fold 3".
    """
    return next((terms for name, terms in DATA_TERMS.items() if name in dataset.lower()), None)


def check_may_be_public(dataset: str) -> None:
    """
    To be called before clips go to a repository that everybody can read.

    Args:
        dataset: as for `data_terms`.

    Raises:
        ValueError: the authors of the data set forbid it.
    """
    if terms := data_terms(dataset):
        raise ValueError(
            f"{terms.name} must not be published: its authors give it to researchers for non-commercial use, and let "
            f"nobody publish or distribute any portion of it ({terms.url}). Use a private repository, `--private`, "
            "if what you agreed with them lets your organisation keep a copy there."
        )
