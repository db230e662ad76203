"""Facts about a data set that are needed to interpret a result on it; the report and the model card contain them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

SOURCE_FILE = "source.json"  # in the folder of prepared shards: the facts about their data set


@dataclass(frozen=True)
class LeftOutClip:
    """
    A clip that the data set lists and that could not be used.

    Attributes:
        clip_id: name of the clip.
        split: "train", "validation" or "test".
        fold: the fold that tests it, None if it is not known or there are no folds.
        label: name of its class, None where it is not known, as in files of earlier versions.
    """

    clip_id: str
    split: str
    fold: int | None = None
    label: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class DataFacts:
    """
    Facts about a data set, or about the part of it that is used.

    Attributes:
        dataset: value of `--dataset`: "dfew", "ferv39k", "clips"; for prepared shards that of their data set.
        dataset_name: name to be displayed, without the fold: "DFEW".
        num_folds: how many folds its protocol has, None for a data set with one split.
        setup: part of the data set where it is not all of it, e.g. a scene of FERV39K or the names of list files.
        left_out: clips that are listed and could not be used.
        faces: how the frames were cropped to faces by this package, e.g. "face_detection_yunet 8f2383e4, geometry
            1d6d4a8c": file and content of the detector, and the geometry; None for clips that were used as they are.
    """

    dataset: str
    dataset_name: str
    num_folds: int | None = None
    setup: str | None = None
    left_out: tuple[LeftOutClip, ...] = ()
    faces: str | None = None

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "DataFacts":
        """The inverse of `dataclasses.asdict`; what an earlier version did not store has its default."""
        return cls(**{**facts, "left_out": tuple(LeftOutClip(**clip) for clip in facts.get("left_out", ()))})

    @property
    def which(self) -> "DataFacts":
        """Which data set it is: the facts without folds, single clips and crops."""
        return replace(self, num_folds=None, left_out=(), faces=None)

    @property
    def part(self) -> str:
        """Which part of the clips is used, to be displayed after the name: "Action, crops of faces", or empty."""
        return ", ".join(filter(None, (self.setup, self.faces and "crops of faces")))

    def of_labels(self, labels: Collection[str]) -> "DataFacts":
        """The facts without the clips that were left out and are known to be of other classes."""
        return replace(self, left_out=tuple(clip for clip in self.left_out if clip.label in (None, *labels)))

    def left_out_of(self, split: str) -> list[str]:
        """Names of the clips of a split that were left out."""
        return [clip.clip_id for clip in self.left_out if clip.split == split]


def note_on_faces(trained: DataFacts, tested: DataFacts) -> str | None:
    """
    A sentence where a model was trained on crops of faces and is tested on clips that this package has not cropped, or
    the other way round, or on other crops; None where both are alike. Drawn faces are like crops.
    """
    if trained.faces == tested.faces or "faces" in (trained.dataset, tested.dataset):
        return None
    if tested.faces is None:
        return (
            f"Note: the model was trained on crops of faces ({trained.faces}), and these clips are used as they are: "
            "where more than the face is in the picture, it is tested on what it has not learned. Crop them with "
            "`--faces`."
        )
    if trained.faces is None:
        return (
            f"Note: the model was trained on clips as they are, and is tested on crops of faces ({tested.faces}): "
            "where its training clips show more or less than these, it is tested on what it has not learned."
        )
    return (
        f"Note: the model was trained on other crops of faces ({trained.faces}) than those that it is tested on "
        f"({tested.faces})."
    )
