"""RAF-DB, stills from the web with seven expressions: by its list, or in folders.

S. Li, W. Deng, J. Du, *Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in the
Wild*, CVPR 2017: 12,271 stills to train on and 3,068 to test on, of the single-label subset.
"""

from ..facts import DataFacts
from ..terms import DataTerms
from .builder import SourcePlan
from .source import CheckOptions, ClipSource, Source
from .still_lists import find_partition, list_raf_db
from .still_tree import find_stills
from .stills import UNKNOWN_PEOPLE, KnownStills

_URL = "http://www.whdeng.cn/raf/model1.html"


class RafDb(KnownStills):
    """
    RAF-DB: `RafDb(data_dir).load()`. `ClipBuilder` describes the other arguments and the errors.

    With `EmoLabel/list_patition_label.txt` beside `Image/aligned` or `Image/original`, or in folders, `train/5/`.
    """

    MEANINGS = {  # noqa: RUF012 (a class attribute, as those of `ClipBuilder`)
        "1": "surprise",
        "2": "fear",
        "3": "disgust",
        "4": "happy",
        "5": "sad",
        "6": "angry",
        "7": "neutral",
    }
    COUNTS = {"train": 12_271, "test": 3_068}  # noqa: RUF012

    def listed(self) -> SourcePlan:
        """All stills of the list, or of the folders where there is none."""
        file = find_partition(self.data_dir)
        if file is not None:
            return list_raf_db(self.data_dir, file, self.MEANINGS)
        return find_stills(self.data_dir, self.MEANINGS)


def load(options: CheckOptions, fold: int | None, cache_dir: str | None) -> Source:
    """RAF-DB; there are no folds. Raises the errors of `ClipBuilder`."""
    builder = RafDb(cache_dir=cache_dir, **RafDb.arguments_from(options))
    return builder.gather(DataFacts("raf_db", "RAF-DB"))


SOURCE = ClipSource(
    name="raf_db",
    title="RAF-DB, stills",
    options=CheckOptions,
    load=load,
    terms=DataTerms("RAF-DB", "raf-db-non-commercial-research", _URL, covers_derived=True),
    limits=(
        "**Pictures from the web.** The stills of RAF-DB were found by words for emotions; about 40 people labelled "
        f"each by what the face shows ([its authors' page]({_URL})).",
        UNKNOWN_PEOPLE,
    ),
    has_official_split=True,
)
