"""
Crops of the main person's face instead of whole frames: computed once, and kept on disk for all later runs.

A clip that is a video or a folder of frames becomes a row with embedded JPEGs, one for every frame, so that sampling
chooses the same moments as in the clip itself. Which face, and how it is placed in the crop: `faces.clip_faces` and
`faces.geometry`.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import datasets
import torch
from datasets.utils import tqdm
from huggingface_hub.utils import WeakFileLock
from PIL import Image

from .._files import check_writable
from ..faces.clip_faces import NoFaceError, crop_person, find_main_person
from ..faces.detector import YuNetDetector, load_detector
from ..faces.geometry import CROP_LANDMARKS
from ..faces.quality import MIN_QUALITY
from ..image_reading_logoformer import VideoReadError
from .crop_packs import FEATURES, PackedClip, find_packed, open_packed, pack_writer
from .problems import ClipProblems, Problem, name_some
from .shards import DEFAULT_JPEG_QUALITY, DEFAULT_SIDE_PX, as_it_is
from .workers import errors_of_workers, leave_signals_to_main_process

_VERSION = 1  # increased whenever the same clip and format would give other crops for another reason than the geometry
# Changes with the geometry, so that crops of another one are never used.
_GEOMETRY = hashlib.sha256(CROP_LANDMARKS.round(6).tobytes()).hexdigest()[:8]
# A process imports this package in the time in which it crops some clips.
_CLIPS_PER_PROCESS = 8
_MOST_PROCESSES = 16  # each takes half a gigabyte


@dataclass(frozen=True)
class CropFormat:
    """
    How faces are found, and how their crops are stored.

    Attributes:
        detector: path of the detector's file, or "auto" for the default one.
        side_px: height and width of the crops in pixels.
        jpeg_quality: 1 to 95.
    """

    detector: str = "auto"
    side_px: int = DEFAULT_SIDE_PX
    jpeg_quality: int = DEFAULT_JPEG_QUALITY

    def __post_init__(self) -> None:
        for name, value, most in (("side_px", self.side_px, 4096), ("jpeg_quality", self.jpeg_quality, 95)):
            if not 1 <= value <= most:
                raise ValueError(f"`{name}` of the face crops is {value}; it must be from 1 to {most:,}.")


@dataclass(frozen=True)
class CroppedRows:
    """
    Rows of clips with crops instead of frames.

    Attributes:
        rows: the clips that have a face, with embedded images as `video` and the number of crops as `num_frames`.
        problems: the other clips, with the reasons, in the order of their rows.
        notes: sentences for the user.
        faces: how the crops were made, for `DataFacts.faces`.
    """

    rows: datasets.DatasetDict
    problems: list[Problem]
    notes: list[str]
    faces: str


@dataclass(frozen=True)
class _Clip:
    """A clip to be cropped; `key` changes with the clip's files."""

    split: str
    number: int
    clip_id: str
    video: str
    key: str


class FaceCropper:
    """
    Crops the faces of clips in one format. Creating it loads the detector, so that a missing one is told first.

    Args:
        crops: the format.
        cache_dir: folder for the crops, by default the cache of `datasets`.
        num_processes: processes that crop, by default one per core, and fewer for a few clips; 0 for this one.

    Raises:
        ValueError, OSError: the errors of `load_detector`, or a folder that cannot be written to.
    """

    def __init__(self, crops: CropFormat, cache_dir: str | Path | None = None, num_processes: int | None = None):
        self.crops = crops
        self.num_processes = num_processes
        self.detector_file = detector_file(crops.detector)
        content = hashlib.sha256(self.detector_file.read_bytes()).hexdigest()
        self.faces = f"{self.detector_file.stem} {content[:8]}, geometry {_GEOMETRY}"
        setting = f"{_VERSION} {content} {_GEOMETRY} {MIN_QUALITY} {crops.side_px} {crops.jpeg_quality}"
        base = Path(datasets.config.HF_DATASETS_CACHE if cache_dir is None else cache_dir).expanduser()
        self.folder = base / "logoformer_face_crops" / hashlib.sha256(setting.encode()).hexdigest()[:16]
        check_writable(self.folder)

    def crop(self, rows: datasets.DatasetDict, on_problem: str) -> CroppedRows:
        """
        The rows with crops of the main person's face. Crops that are not in the cache are computed and kept there.

        Several programs may do this at the same time: the second one waits, and then uses the crops of the first.

        Args:
            rows: columns of `data.rows.clip_features`, `video` being a path.
            on_problem: what is done with clips without a usable face and clips that cannot be read: "stop" raises
                after all others are cropped; "skip" leaves them out.

        Raises:
            ClipProblems: such clips with "stop", or all clips of a split with "skip".
            OSError: the crops cannot be written, or a damaged file in the cache.
        """
        clips = [
            _Clip(split, number, clip_id, video, clip_key(clip_id, video))
            for split in rows
            for number, (clip_id, video) in enumerate(zip(rows[split]["clip_id"], rows[split]["video"], strict=True))
        ]
        packed, unreadable = self._pack(clips)
        reasons = unreadable | {key: clip.reason for key, clip in packed.items() if clip.reason is not None}
        problems = [Problem(clip.clip_id, clip.video, reasons[clip.key]) for clip in clips if clip.key in reasons]
        kept = [clip for clip in clips if clip.key not in reasons]
        _check_problems(problems, rows, {clip.split for clip in kept}, len(clips), on_problem)
        return CroppedRows(self._rows(rows, kept, packed), problems, self._notes(clips, problems, packed), self.faces)

    def _pack(self, clips: list[_Clip]) -> tuple[dict[str, PackedClip], dict[str, str]]:
        """The clips in the packs by their keys, after missing ones were added, and why others cannot be read."""
        keys = {clip.key for clip in clips}
        packed = find_packed(self.folder, keys)
        if len(packed) == len(keys):
            return packed, {}
        self.folder.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(self.folder / ".lock"):
            packed = find_packed(self.folder, keys)  # another program may have had the lock
            missing = {clip.key: clip.video for clip in clips if clip.key not in packed}
            unreadable = self._compute(missing) if missing else {}
        return find_packed(self.folder, keys), unreadable

    def _compute(self, missing: dict[str, str]) -> dict[str, str]:
        """Crops clips and adds them to the packs; returns the reasons of those that cannot be read, by their keys."""
        unreadable = {}
        results = crop_all(missing, self.detector_file, self.crops, self.num_processes)
        with pack_writer(self.folder) as writer:
            for result in tqdm(results, total=len(missing), desc="Cropping faces", unit=" clips"):
                if isinstance(result, UnreadableClip):
                    unreadable[result.key] = result.reason  # not kept: a disk may have been out of reach
                else:
                    writer.add(result)
        return unreadable

    def _rows(
        self, rows: datasets.DatasetDict, kept: list[_Clip], packed: dict[str, PackedClip]
    ) -> datasets.DatasetDict:
        cropped = datasets.DatasetDict()
        for split, clips in rows.items():
            of_split = [clip for clip in kept if clip.split == split]
            others = clips.remove_columns(["video", "num_frames"]).to_list()
            features = datasets.Features({**clips.features, "video": FEATURES["video"]})
            cropped[split] = open_packed(
                [packed[clip.key] for clip in of_split], [others[clip.number] for clip in of_split], features
            )
        return cropped

    def _notes(self, clips: list[_Clip], problems: list[Problem], packed: dict[str, PackedClip]) -> list[str]:
        notes = [
            f"Faces: the main person's, {self.crops.side_px} x {self.crops.side_px} pixels ({self.faces}); the crops "
            f"are kept in {self.folder}."
        ]
        several = [clip.clip_id for clip in clips if clip.key in packed and packed[clip.key].num_people > 1]
        if several:
            notes.append(
                f"{len(several):,} clips show several people, of whom the main one is used: {name_some(several)}."
            )
        if problems:
            names = name_some(problem.clip_id for problem in problems)
            notes.append(f"Left out: {len(problems):,} of {len(clips):,} clips, whose face cannot be used: {names}.")
        return notes


def _check_problems(
    problems: list[Problem], rows: datasets.DatasetDict, left: set[str], num_clips: int, on_problem: str
) -> None:
    if problems and on_problem == "stop":
        raise ClipProblems(
            problems,
            num_clips,
            'Remove them, or leave them out with `on_problem="skip"`: results are then for the other clips only. '
            "Crops that were made are kept.",
        )
    if empty := [split for split in rows if split not in left]:
        raise ClipProblems(problems, num_clips, f"No {' and no '.join(empty)} clip is left.")


def detector_file(where: str) -> Path:
    """
    The file of a detector that loads, "auto" being the default one, which is downloaded once.

    Raises:
        ValueError, OSError: the errors of `load_detector`; also for "none", which finds no face.
    """
    detector = load_detector(None if where == "auto" else where)
    if not isinstance(detector, YuNetDetector):
        raise ValueError(f"`detector` is {where!r}; to crop faces it must be 'auto' or the path of an ONNX file.")
    return detector.path


def clip_key(clip_id: str, video: str) -> str:
    """
    Key of a clip: it changes with the path, the size and the time of modification of the file or of any frame.

    A file that does not exist has a key, too, and is reported when it is read.
    """
    digest = hashlib.sha256(f"{clip_id}\0{os.path.abspath(video)}\0".encode())  # noqa: PTH100 (keeps links)
    try:
        if Path(video).is_dir():
            with os.scandir(video) as entries:
                files = sorted(entries, key=lambda entry: entry.name)
                states = [(entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in files]
        else:
            status = Path(video).stat()
            states = [("", status.st_size, status.st_mtime_ns)]
        digest.update(repr(states).encode())
    except OSError as error:
        digest.update(f"{error.errno}".encode())
    return digest.hexdigest()[:32]


@dataclass(frozen=True)
class UnreadableClip:
    """A clip that cannot be read, and why."""

    key: str
    reason: str


class _Crops(torch.utils.data.Dataset[dict[str, Any] | UnreadableClip]):
    """Crops of clips as rows of packs, by number. The detector is loaded by the process that uses it."""

    def __init__(self, videos: dict[str, str], file: Path, crops: CropFormat):
        self.videos = list(videos.items())
        self.file = file
        self.crops = crops
        self.detector: Any = None

    def __getitem__(self, number: int) -> dict[str, Any] | UnreadableClip:
        if self.detector is None:
            self.detector = load_detector(self.file)
        key, video = self.videos[number]
        try:
            person = find_main_person(video, self.detector, MIN_QUALITY)
            crops = crop_person(video, person, self.crops.side_px)
            frames = [encode(crop, self.crops.jpeg_quality) for crop in crops]
        except NoFaceError as error:
            return {"key": key, "video": [], "num_frames": 0, "num_people": 0, "reason": _reason(error, video)}
        except VideoReadError as error:
            return UnreadableClip(key, _reason(error, video))
        return {
            "key": key,
            "video": frames,
            "num_frames": len(frames),
            "num_people": person.num_people,
            "reason": None,
        }


def crop_all(
    videos: dict[str, str], file: Path, crops: CropFormat, num_processes: int | None
) -> Iterator[dict[str, Any] | UnreadableClip]:
    """The rows of clips, paths by keys, in the order in which they are finished, computed by several processes."""
    if num_processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        num_processes = min(cores, _MOST_PROCESSES, len(videos) // _CLIPS_PER_PROCESS)
        num_processes = 0 if num_processes == 1 else num_processes  # another process alone would only start later
    # New processes rather than copies of this one, in which OpenCV or a GPU may already be in use. The generator of
    # its own keeps the loader from drawing from the global one, which would change the training that follows.
    loader = torch.utils.data.DataLoader(
        _Crops(videos, file, crops),
        sampler=range(len(videos)),
        batch_size=None,
        collate_fn=as_it_is,
        num_workers=num_processes,
        multiprocessing_context="spawn" if num_processes else None,
        worker_init_fn=_use_one_thread,
        generator=torch.Generator(),
        in_order=False,
    )
    with errors_of_workers("Give the same command again: crops that are finished are kept."):
        yield from leave_signals_to_main_process(loader)


def _use_one_thread(worker: int) -> None:
    cv2.setNumThreads(1)


def encode(crop: Any, jpeg_quality: int) -> dict[str, Any]:
    """A crop `(side, side, 3)` uint8 as a JPEG, as the `Image` feature stores it."""
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=jpeg_quality)
    return {"bytes": file.getvalue(), "path": None}


def _reason(error: VideoReadError, video: str) -> str:
    return str(error).removeprefix(f"{video}: ")
