"""The user's own clips without labels, in any folders, for pretraining."""

from ..facts import DataFacts
from .builder import ClipBuilder, SourcePlan
from .clip_tree import find_unlabelled
from .source import CheckOptions, ClipSource, Source


class Videos(ClipBuilder):
    """
    Videos and folders of frames anywhere below `data_dir`, as those of VoxCeleb2: `Videos(data_dir).load()`. All are
    in the split "train" and have the same label, which says nothing. `clip_id` is the path in `data_dir` without the
    ending.
    """

    def plan(self) -> SourcePlan:
        """Lists the clips."""
        return find_unlabelled(self.data_dir)


def load(options: CheckOptions, fold: int | None, cache_dir: str | None) -> Source:
    """The clips in the folder; there are no folds. Raises the errors of `ClipBuilder`."""
    builder = Videos(cache_dir=cache_dir, **Videos.arguments_from(options))
    return builder.gather(DataFacts("videos", builder.data_dir.resolve().name))


SOURCE = ClipSource(
    name="videos",
    title="own clips without labels, for `pretrain-clips`",
    options=CheckOptions,
    load=load,
    has_labels=False,
)
