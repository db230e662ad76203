"""Anybody's own clips as rows."""

from .builder import ClipBuilder, SourcePlan
from .clip_tree import find_clips, list_clips
from .layouts import existing_folder


class ClipFolder(ClipBuilder):
    """
    Own clips, video files or folders of frames: in `data_dir/<split>/<label>/`, or where `list_files` say.

    Labels are the seven expressions by their usual synonyms (Happiness, joy, ...), or classes of their own; the
    classes are those of all splits. Lists are CSV or Parquet with columns path and label and, by choice, split, or of
    any format of `logoformer_hf.data.list_formats`. `clip_id` is the path in `data_dir` without the ending.
    """

    def plan(self) -> SourcePlan:
        data_dir, files = existing_folder(self.config.data_dir), self.config.list_files
        return find_clips(data_dir) if files is None else list_clips(files, data_dir, self.config.label_map)
