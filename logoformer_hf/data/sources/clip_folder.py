"""The user's own clips as rows: videos or folders of frames, in folders named by split and label, or in lists."""

from ..facts import DataFacts
from .builder import ClipBuilder, SourcePlan
from .clip_tree import find_clips, list_clips
from .source import ClipOptions, ClipSource, Source


class ClipFolder(ClipBuilder):
    """
    The user's own clips, video files or folders of frames: in `data_dir/<split>/<label>/`, or listed in `list_files`.

    Labels are the seven expressions or their usual synonyms (Happiness, joy, ...); other names are new classes. The
    classes are those of all splits. Lists are CSV or Parquet with the columns path, label and optionally split, or in
    any format of `data.sources.list_formats`. `clip_id` is the path in `data_dir` without the ending.
    """

    def plan(self) -> SourcePlan:
        """Lists the clips in folders or in `list_files`; a `label_map` without lists raises a ValueError."""
        files, label_map = self.config.list_files, self.config.label_map
        if files is not None:
            return list_clips(files, self.data_dir, label_map, self.config.labels, self.config.clip_root or ())
        if label_map is not None:
            raise ValueError("`label_map` is for numbers in lists, and there are no lists: give `list_files`.")
        return find_clips(self.data_dir)


def load(options: ClipOptions, fold: int | None, cache_dir: str | None) -> Source:
    """The clips that the options name; there are no folds. Raises the errors of `ClipBuilder`."""
    builder = ClipFolder(cache_dir=cache_dir, **ClipFolder.arguments_from(options))
    return builder.gather(DataFacts("clips", builder.data_dir.resolve().name))


SOURCE = ClipSource(name="clips", title="own clips in folders or lists", options=ClipOptions, load=load)
