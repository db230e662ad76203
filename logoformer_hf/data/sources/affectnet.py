"""AffectNet, stills from the web with eight expressions: in folders, by its tables, or with files of annotations.

A. Mollahosseini, B. Hasani, M. H. Mahoor, *AffectNet: A Database for Facial Expression, Valence, and Arousal Computing
in the Wild*, IEEE Transactions on Affective Computing 2019. Its test stills were never given out: published results
are on the validation stills, which are the test split here.
"""

from ..facts import DataFacts
from ..problems import name_some
from ..terms import ON_APPLICATION, DataTerms
from .builder import SourcePlan
from .source import CheckOptions, ClipSource, Source
from .still_lists import (
    annotation_folders,
    header_of,
    is_affectnet_table,
    list_affectnet,
    list_annotated,
    tables_below,
)
from .still_tree import find_stills
from .stills import UNKNOWN_PEOPLE, KnownStills

_URL = "http://mohammadmahoor.com/pages/databases/affectnet/"


class AffectNet(KnownStills):
    """
    AffectNet: `AffectNet(data_dir).load()`. `ClipBuilder` describes the other arguments and the errors.

    Stills lie in `train/3/` and `val/3/` (also by name), in `train_set/images` with
    `train_set/annotations/17_exp.npy`, or are named by `training.csv` and `validation.csv`. Stills without an
    expression (none, uncertain, no face: 8 to 10) are left out.
    """

    MEANINGS = {  # noqa: RUF012 (a class attribute, as those of `ClipBuilder`)
        "0": "neutral",
        "1": "happy",
        "2": "sad",
        "3": "surprise",
        "4": "fear",
        "5": "disgust",
        "6": "angry",
        "7": "contempt",
        "8": None,
        "9": None,
        "10": None,
        "contempt": "contempt",
        "none": None,
        "uncertain": None,
        "no-face": None,
    }

    def listed(self) -> SourcePlan:
        """All stills with an expression."""
        if folders := annotation_folders(self.data_dir):
            return list_annotated(self.data_dir, folders, self.MEANINGS)
        tables = tables_below(self.data_dir)
        # The labels of a million more stills were guessed by a network.
        if files := [file for file in tables if is_affectnet_table(file) and "automatic" not in file.name.lower()]:
            return list_affectnet(self.data_dir, files, self.MEANINGS)
        try:
            return find_stills(self.data_dir, self.MEANINGS)
        except ValueError as error:
            if not tables:
                raise
            columns = name_some(header_of(tables[0]))
            raise ValueError(
                f"{error} Of its tables none is AffectNet's, with the columns subDirectory_filePath and expression: "
                f"{tables[0]} has {columns}."
            ) from error


def load(options: CheckOptions, fold: int | None, cache_dir: str | None) -> Source:
    """AffectNet; there are no folds. Raises the errors of `ClipBuilder`."""
    builder = AffectNet(cache_dir=cache_dir, **AffectNet.arguments_from(options))
    return builder.gather(DataFacts("affectnet", "AffectNet"))


SOURCE = ClipSource(
    name="affectnet",
    title="AffectNet, stills",
    options=CheckOptions,
    load=load,
    terms=DataTerms("AffectNet", "affectnet-non-commercial-research", _URL, ON_APPLICATION),
    limits=(
        "**Pictures from the web.** The stills of AffectNet were found by words for emotions in six languages; one "
        f"annotator labelled each by what the face shows ([its authors' page]({_URL})).",
        UNKNOWN_PEOPLE,
    ),
    has_official_split=True,
)
