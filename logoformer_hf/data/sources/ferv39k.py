"""FERV39K with its official annotation, all scenes or one, or with the lists of other code.

Y. Wang et al., *FERV39k: A Large-Scale Multi-Scene Dataset for Facial Expression Recognition in Videos*, CVPR 2022:
38,935 clips of 22 scenes, one division into train and test. Redistribution is forbidden.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

from datasets import Value

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from ..problems import name_some
from ..terms import DataTerms
from .builder import ClipBuilder, ClipConfig, SourcePlan, read_split_lists
from .inventory import PlannedClip
from .layouts import find_nearby, subfolders
from .list_paths import check_below, path_parts
from .lists import ClipList, ListedClip, ListError, name_lists, read_lists
from .source import ClipOptions, ClipSource, Source

ALL_SCENES = "All_scenes"
NUM_CLIPS = {"train": 31_088, "test": 7_847}
ANNOTATION = "4_setups"
CLIP_FOLDER = "2_ClipsforFaceCrop"


@dataclass
class FERV39KOptions(ClipOptions):
    """Command-line options of FERV39K."""

    setup: str | None = field(
        default=None, metadata={"help": f"Setup of FERV39K: '{ALL_SCENES}' (default), or one scene by its name."}
    )


@dataclass
class FERV39KConfig(ClipConfig):
    """Arguments of `FERV39K` besides `data_dir`; `FERV39KOptions` describes them."""

    setup: str = ALL_SCENES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.name = self.setup


class FERV39K(ClipBuilder):
    """
    FERV39K, or one scene of it: `FERV39K(data_dir).load()`. `ClipBuilder` describes other arguments and the errors.

    `4_setups` (the official annotation) and `2_ClipsforFaceCrop` are found in `data_dir`, one folder below or one
    above. A scene has lists of its own where `4_setups` holds `train_Action.csv` or `Action/train.csv` at any depth;
    otherwise its part of the lists of all scenes is taken. `clip_id` is scene, emotion and number, as
    `Action/Happy/0267`; the column `scene` is the first of them.
    """

    BUILDER_CONFIG_CLASS = FERV39KConfig

    def plan(self) -> SourcePlan:
        """Lists the clips of all scenes or of one, with the path of each."""
        lists = self._read_lists()
        scenes = sorted({_clip_id(clip)[0] for part in lists for clip in part.clips})
        folder = _find_clip_folder(self.data_dir, lists[0].clips[0], scenes)
        if self.config.setup == ALL_SCENES:
            notes = _compare_counts(lists, folder)
        else:
            lists, note = self._choose_scene(lists, scenes)
            notes = [note]
        clips = []
        for split, part in zip(NUM_CLIPS, lists, strict=True):
            for listed in part.clips:
                parts = _clip_id(listed)
                extra = {"scene": parts[0]}
                clips.append(PlannedClip("/".join(parts), split, folder.joinpath(*parts), listed.label, extra))
        listed_clips = [clip for part in lists for clip in part.clips]
        check_below(listed_clips, [clip.path for clip in clips], [folder, *(self.config.clip_root or ())])
        notes = [*(part.description for part in lists), f"Clips are read from {folder}.", *notes]
        return SourcePlan(clips, list(EXPRESSIONS), [part.file for part in lists], notes, {"scene": Value("string")})

    def _read_lists(self) -> list[ClipList]:
        """The lists of all scenes, train and test."""
        if self.config.list_files is not None:
            return read_split_lists(self.config)
        annotation = find_nearby(self.data_dir, ANNOTATION)
        if annotation is None:
            raise FileNotFoundError(
                f"{self.data_dir}: there is no {ANNOTATION} here, one folder below or one above. Name the folder of "
                "FERV39K with `data_dir`, or lists of your own with `list_files`."
            )
        files = [annotation / ALL_SCENES / f"{split}_All.csv" for split in NUM_CLIPS]
        return read_lists(files, self.config.label_map)

    def _choose_scene(self, lists: list[ClipList], scenes: list[str]) -> tuple[list[ClipList], str]:
        """The lists of one scene, and a sentence on where they are from."""
        scene = self.config.setup
        if scene not in scenes:
            raise ValueError(
                f"`setup` is {scene!r}; it must be {ALL_SCENES} or one of the scenes {', '.join(scenes)}."
            )
        source = "your lists"
        if self.config.list_files is None:
            annotation = find_nearby(self.data_dir, ANNOTATION)
            if annotation is not None and (own_files := _find_scene_lists(annotation, scene)):
                return read_lists(own_files, self.config.label_map), f"Scene {scene} has lists of its own."
            source = "the lists of all scenes, as it has no train and test list of its own"
        lists = [replace(part, clips=[clip for clip in part.clips if _clip_id(clip)[0] == scene]) for part in lists]
        counts = " and ".join(f"{len(part.clips):,} {split}" for split, part in zip(NUM_CLIPS, lists, strict=True))
        return lists, f"Scene {scene} is taken from {source}: {counts} clips."


def _clip_id(clip: ListedClip) -> tuple[str, ...]:
    """Scene, emotion and number, which are the last three names of the path of a clip in every list."""
    parts = path_parts(clip.path)
    if len(parts) < 3:
        raise ListError(f"{clip}: a clip of FERV39K is named by scene, emotion and number, as Action/Happy/0267.")
    return tuple(parts[-3:])


def _find_clip_folder(data_dir: Path, listed: ListedClip, scenes: list[str]) -> Path:
    """The folder that holds the scenes: `data_dir` itself, the one that the list names, or the usual one."""
    in_list = path_parts(listed.path)[-4:-3]
    for folder in (data_dir, *(find_nearby(data_dir, name) for name in (*in_list, CLIP_FOLDER))):
        if folder is not None and any((folder / scene).is_dir() for scene in scenes):
            return folder
    raise FileNotFoundError(
        f"{data_dir}: there is no {CLIP_FOLDER} here, one folder below or one above, with a folder of a scene "
        f"({name_some(scenes)}). Name the folder that holds them with `data_dir`."
    )


def _find_scene_lists(annotation: Path, scene: str) -> list[Path]:
    """The lists of one scene, train and test; an empty list if it has no lists of its own.

    Raises:
        ValueError: several files match.
    """
    found = []
    for split in NUM_CLIPS:
        files = sorted(
            file
            for file in annotation.rglob(f"{split}*.csv")
            if file.stem == f"{split}_{scene}" or (file.stem == split and file.parent.name == scene)
        )
        if len(files) > 1:
            raise ValueError(
                f"{' and '.join(map(str, files))} could both be the {split} list of {scene}. Give the lists that you "
                "mean with `list_files`."
            )
        found += files
    return found if len(found) == len(NUM_CLIPS) else []


def _compare_counts(lists: list[ClipList], folder: Path) -> list[str]:
    """Sentences on how the lists differ from the published data set, and which clips on the disk are in no list."""
    notes = [
        f"The list {part.file} has {len(part.clips):,} clips; published are {expected:,}."
        for part, expected in zip(lists, NUM_CLIPS.values(), strict=True)
        if len(part.clips) != expected
    ]
    if notes:
        listed = {_clip_id(clip) for part in lists for clip in part.clips}
        on_disk = {
            (scene.name, emotion.name, clip.name)
            for scene in subfolders(folder)
            for emotion in subfolders(scene)
            for clip in subfolders(emotion)
        }
        unlisted = sorted("/".join(parts) for parts in on_disk - listed)
        if unlisted:
            notes.append(f"{len(unlisted):,} clips on the disk are in no list: {name_some(unlisted)}.")
        else:
            notes.append("Every clip on the disk is in a list, so the clips that differ are not known.")
    return notes


def load(options: FERV39KOptions, fold: int | None, cache_dir: str | None) -> Source:
    """FERV39K, or the scene or lists of the options; there are no folds. Raises the errors of `ClipBuilder`."""
    setup = options.setup or ALL_SCENES
    builder = FERV39K(cache_dir=cache_dir, setup=setup, **FERV39K.arguments_from(options))
    scene = None if setup == ALL_SCENES else setup
    return builder.gather(DataFacts("ferv39k", "FERV39K", setup=name_lists(options.list_file) or scene))


SOURCE = ClipSource(
    name="ferv39k",
    title="FERV39K, all scenes or one",
    options=FERV39KOptions,
    load=load,
    has_official_split=True,
    # The page has the same terms as DFEW's: research only, and no portion may be redistributed.
    terms=DataTerms(
        "FERV39K", "ferv39k-non-commercial-research", "https://github.com/wangyanckxx/FERV39k", covers_derived=True
    ),
    columns={"scene": "scene of the clip"},
    limits=(
        "**Acted, or on camera.** The clips of FERV39K come from 22 kinds of scene in videos found on the "
        "Internet, from talk shows to official events. Candidates were found by a program and labelled by people "
        "who judged what they saw (Wang et al., [FERV39k](https://arxiv.org/abs/2203.09463), CVPR 2022). What the "
        "people in them felt is not recorded.",
        "**Unknown groups.** Its [authors' page](https://github.com/wangyanckxx/FERV39k) gives no ages, genders, "
        "skin tones or cultures of the people in the clips. It is therefore not known for which groups the results "
        "above hold. Results on children, on old people, and on people with glasses, a veil or a facial palsy were "
        "not measured.",
    ),
    published={
        "Former-DFER": (37.20, 46.85),
        "STT": (37.76, 48.11),
        "IAL": (35.82, 48.54),
        "M3DFEL": (35.94, 47.67),
        "LOGO-Former": (38.22, 48.13),
        "DFER-CLIP": (41.27, 51.65),
        "VideoMAE-B, VoxCeleb2": (43.33, 52.39),
        "MAE-DFER": (43.12, 52.07),
        "S4D": (43.41, 53.65),
    },
)
