"""The columns of the rows of clips, which are the same for every source; one row is one clip."""

from collections.abc import Sequence
from typing import Any

from datasets import ClassLabel, Features, Value

from ..configuration_logoformer import EXPRESSIONS

PERSON = "identity"  # column: name of the person, in sources that know it; nobody's clips are divided over splits
# Columns of what is known of the persons, texts or None: reports have UAR by each of their values.
GROUPS = ("sex", "age_group", "race")


def clip_features(label_names: Sequence[str] = EXPRESSIONS, **extra: Any) -> Features:
    """Columns of a row: `clip_id`, `video` (path of a video file or of a folder of frames), `num_frames`, `label`.

    Args:
        label_names: names of the classes in the order of their numbers.
        extra: additional columns of a source, as `datasets` feature types, e.g. `scene=Value("string")`.
    """
    return Features(
        {
            "clip_id": Value("string"),
            "video": Value("string"),
            "num_frames": Value("int32"),
            "label": ClassLabel(names=list(label_names)),
            **extra,
        }
    )
