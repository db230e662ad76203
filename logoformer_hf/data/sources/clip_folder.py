"""Anybody's own clips as rows."""

from .builder import ClipBuilder, SourcePlan
from .clip_tree import find_clips, list_clips


class ClipFolder(ClipBuilder):
    """
    Own clips, video files or folders of frames: in `data_dir/<split>/<label>/`, or where `list_files` say.

    Labels are the seven expressions by their usual synonyms (Happiness, joy, ...), or classes of their own; the
    classes are those of all splits. Lists are CSV or Parquet with columns path and label and, by choice, split, or of
    any format of `logoformer_hf.data.list_formats`. `clip_id` is the path in `data_dir` without the ending.
    """

    def plan(self) -> SourcePlan:
        files, label_map = self.config.list_files, self.config.label_map
        if files is not None:
            return list_clips(files, self.data_dir, label_map)
        if label_map is not None:
            raise ValueError("`label_map` says what the numbers in lists mean, and there are none: give `list_files`.")
        return find_clips(self.data_dir)
