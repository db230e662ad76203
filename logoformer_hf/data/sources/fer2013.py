"""FER2013, grey stills of 48 x 48 pixels with seven expressions: as numbers in `fer2013.csv`, or in folders.

I. Goodfellow et al., *Challenges in Representation Learning: A Report on Three Machine Learning Contests*, ICONIP
2013: 28,709 stills to train on, 3,589 to choose on (PublicTest) and 3,589 to test on (PrivateTest).
"""

from collections import Counter
from collections.abc import Mapping

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import name_some
from .layouts import existing_folder
from .lists import ListError
from .pixel_table import is_pixel_table, read_pixel_table, rows_of
from .source import CheckOptions, ClipSource, Source
from .split_folders import SPLITS
from .still_lists import header_of, tables_below
from .stills import UNKNOWN_PEOPLE, KnownStills

_MEANINGS = {
    "0": "angry",
    "1": "disgust",
    "2": "fear",
    "3": "happy",
    "4": "sad",
    "5": "surprise",
    "6": "neutral",
}
_COUNTS: Mapping[str, int] = {"train": 28_709, "validation": 3_589, "test": 3_589}
_TO_TEST = _COUNTS["validation"] + _COUNTS["test"]  # as in the folders that are around


class Fer2013(KnownStills):
    """FER2013 in folders, `train/angry/`: `Fer2013(data_dir).load()`. `ClipBuilder` describes arguments and errors."""

    MEANINGS = _MEANINGS
    COUNTS = {"train": _COUNTS["train"], "test": _TO_TEST}  # noqa: RUF012


def load(options: CheckOptions, fold: int | None, cache_dir: str | None) -> Source:
    """
    FER2013; there are no folds.

    Raises:
        ListError: a faulty row of the table, or, with `on_problem` "stop", fewer rows than were published.
        The errors of `ClipBuilder` for stills in folders.
    """
    data_dir = existing_folder(options.folder)
    tables = tables_below(data_dir)
    files = [file for file in tables if is_pixel_table(header_of(file))]
    facts = DataFacts("fer2013", "FER2013")
    if len(files) > 1:
        raise ListError(f"{data_dir} has several tables of pixels: {name_some(map(str, files))}. Keep one of them.")
    if not files:
        try:
            builder = Fer2013(cache_dir=cache_dir, **Fer2013.arguments_from(options))
        except ValueError as error:
            if not tables:
                raise
            columns = name_some(header_of(tables[0]))
            raise ValueError(
                f"{error} Of its tables none is FER2013's, with the columns emotion, pixels and Usage: {tables[0]} "
                f"has {columns}."
            ) from error
        return builder.gather(facts)
    stills = read_pixel_table(files[0], _MEANINGS)
    counts = Counter(still.split for still in stills)
    shown = ", ".join(f"{counts[split]:,} {split} stills" for split in SPLITS if counts[split])
    if options.on_problem == "stop" and (few := [split for split in SPLITS if counts[split] < _COUNTS[split]]):
        raise ListError(
            f"{files[0]} has {shown}: of {few[0]} {_COUNTS[few[0]]:,} were published. Is the file cut off? "
            "`on_problem` skip goes on with those that are there."
        )
    if lacking := [split for split in ("train", "test") if not counts[split]]:
        raise ListError(f"{files[0]} has {shown or 'no stills'}; its column Usage must have {' and '.join(lacking)}.")
    return Source(rows_of(stills), facts, [f"{files[0]}: {shown}, {len(EXPRESSIONS)} classes."])


SOURCE = ClipSource(
    name="fer2013",
    title="FER2013, stills",
    options=CheckOptions,
    load=load,
    limits=(
        "**Pictures from the web.** The stills of FER2013 were found by words for emotions, cropped by a program to "
        "48 x 48 pixels in grey, and cleaned by people (Goodfellow et al., [report on the "
        "contest](https://arxiv.org/abs/1307.0414), 2013).",
        UNKNOWN_PEOPLE,
    ),
    has_official_split=True,
)
