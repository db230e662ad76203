"""Own clips as rows: video files or folders of frames, in folders that are called by split and label, or by lists."""

from ..facts import DataFacts
from .builder import ClipBuilder, SourcePlan
from .clip_tree import find_clips, list_clips
from .source import ClipOptions, ClipSource, Source


class ClipFolder(ClipBuilder):
    """
    Own clips, video files or folders of frames: in `data_dir/<split>/<label>/`, or where `list_files` say.

    Labels are the seven expressions by their usual synonyms (Happiness, joy, ...), or classes of their own; the
    classes are those of all splits. Lists are CSV or Parquet with columns path and label and, by choice, split, or of
    any format of `data.sources.list_formats`. `clip_id` is the path in `data_dir` without the ending.
    """

    def plan(self) -> SourcePlan:
        files, label_map = self.config.list_files, self.config.label_map
        if files is not None:
            return list_clips(files, self.data_dir, label_map)
        if label_map is not None:
            raise ValueError("`label_map` says what the numbers in lists mean, and there are none: give `list_files`.")
        return find_clips(self.data_dir)


def load(options: ClipOptions, fold: int | None, cache_dir: str | None) -> Source:
    builder = ClipFolder(cache_dir=cache_dir, **ClipFolder.arguments_from(options))
    return builder.gather(DataFacts("clips", builder.data_dir.resolve().name))


SOURCE = ClipSource(name="clips", title="own clips in folders or lists", options=ClipOptions, load=load)
