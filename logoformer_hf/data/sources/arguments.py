"""The command-line arguments that choose clips: those of every source, and the options of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from typing import TYPE_CHECKING, Any

from ...configuration_logoformer import EXPRESSIONS
from ..labels import nfc
from .source import ClipSource
from .table import SOURCES

# Options that have a meaning only with crops of faces.
FACE_OPTIONS = ("faces", "detector", "face_side_px")


@dataclass
class CommonArguments:
    """Arguments of every source of clips."""

    dataset: str = field(
        default="faces",
        metadata={
            "help": f"Source of the clips: {', '.join(f'{name!r} ({each.title})' for name, each in SOURCES.items())}.",
            "choices": list(SOURCES),
        },
    )
    labels: list[str] | None = field(
        default=None, metadata={"help": f"Use only these classes, in this order. Usual: {' '.join(EXPRESSIONS)}."}
    )
    cache_dir: str | None = field(
        default=None,
        metadata={"help": "Folder in which synthetic clips, tables of clips and crops of faces are kept."},
    )
    faces: bool = field(
        default=False,
        metadata={"help": "Find the main person's face in every frame of the clips and use aligned crops of it."},
    )
    detector: str = field(
        default="auto",
        metadata={"help": "With --faces: ONNX file of a face detector; 'auto': YuNet, which is downloaded once."},
    )
    face_side_px: int | None = field(
        default=None,
        metadata={"help": "With --faces: side of the crops in pixels; by default enough to train on 112 pixels."},
    )

    def __post_init__(self) -> None:
        if self.dataset not in SOURCES:
            raise ValueError(f"`dataset` is {self.dataset!r}; it must be one of {', '.join(SOURCES)}.")
        if self.labels is not None:
            self.labels = [nfc(name) for name in self.labels]
        taken = {option.name for option in fields(self.source.options)}
        common = {option.name for option in fields(CommonArguments)}
        for option in fields(self):
            if option.name not in taken | common and getattr(self, option.name) != option.default:
                takers = [
                    name
                    for name, source in SOURCES.items()
                    if option.name in {each.name for each in fields(source.options)}
                ]
                raise ValueError(
                    f"`{option.name}` is not an option of dataset {self.dataset!r}, but of {', '.join(takers)}. "
                    "Leave it out, or choose such a `dataset`."
                )
        self._check_faces()
        try:
            self.options = self.source.options(**{name: getattr(self, name) for name in taken})
        except ValueError as error:
            raise ValueError(f"dataset {self.dataset!r}: {error}") from error

    def _check_faces(self) -> None:
        if not self.faces and (self.detector, self.face_side_px) != ("auto", None):
            name = "detector" if self.detector != "auto" else "face_side_px"
            raise ValueError(f"`{name}` is for crops of faces: add `faces`, or leave it out.")
        if self.faces and not self.source.is_on_disk:
            names = ", ".join(repr(name) for name, source in SOURCES.items() if source.is_on_disk)
            raise ValueError(
                f"`faces` crops clips on your disk, and dataset {self.dataset!r} needs no cropping: leave it out, or "
                f"choose one of {names}."
            )
        if self.detector == "none":
            raise ValueError("`detector` is 'none'; to crop faces it must be 'auto' or the path of an ONNX file.")

    @property
    def source(self) -> ClipSource:
        """The entry of the table of sources."""
        return SOURCES[self.dataset]

    @property
    def folds(self) -> Sequence[int | None]:
        """The folds to run, `[None]` where the source has no folds."""
        return getattr(self.options, "folds", [None])


if TYPE_CHECKING:

    class SourceArguments(CommonArguments):
        """`CommonArguments` and the options of all sources, which are collected from the table at import."""

        def __init__(self, **arguments: Any): ...

        def __getattr__(self, name: str) -> Any: ...

else:
    _COMMON = {option.name for option in fields(CommonArguments)}
    _OPTIONS = {
        option.name: option
        for source in SOURCES.values()
        for option in fields(source.options)
        if option.name not in _COMMON
    }
    SourceArguments = make_dataclass(
        "SourceArguments",
        [(name, each.type, field(default=each.default, metadata=each.metadata)) for name, each in _OPTIONS.items()],
        bases=(CommonArguments,),
        namespace={"__doc__": CommonArguments.__doc__, "__module__": __name__},
    )
