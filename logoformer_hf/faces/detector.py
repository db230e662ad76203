"""Finds faces and their five landmarks in one picture."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .opencv import quiet_opencv

DETECTOR_REPO = "opencv/face_detection_yunet"
DETECTOR_FILE = "face_detection_yunet_2023mar.onnx"
# Both, as they are in YuNet's own example, but for the score: see `YuNetDetector`.
NMS_THRESHOLD = 0.3
MAX_FACES = 50

# box 4, landmarks 10, score 1
NUM_COLUMNS = 15


@dataclass(frozen=True, eq=False)
class Face:
    """
    A face in a picture. Boxes and landmarks may reach over the border of the picture.

    Attributes:
        box: `(4,)` float32: x and y of the upper left corner, width, height, in pixels.
        landmarks: `(5, 2)` float32, x and y in pixels: the eye and the eye, nose, mouth corner and mouth corner, each
            pair from the left of the picture to the right (for an upright face). NaN for a face that is the whole
            frame.
        score: the detector's, 0 to 1.
        leans_upright: whether the landmarks follow the tilt of a head only in part; see `faces.tilt`.
    """

    box: np.ndarray
    landmarks: np.ndarray
    score: float
    leans_upright: bool = False

    def scaled(self, x_scale: float, y_scale: float) -> "Face":
        """The same face in a picture that is this many times as wide and as high."""
        scale = np.array([x_scale, y_scale], dtype=np.float32)
        return replace(self, box=self.box * np.tile(scale, 2), landmarks=self.landmarks * scale)


def whole_frame_face(size_px: tuple[int, int]) -> Face:
    """A face that fills a frame of this width and height; it has no landmarks."""
    box = np.array([0, 0, *size_px], dtype=np.float32)
    return Face(box, np.full((5, 2), np.nan, dtype=np.float32), 1.0)


class FaceDetector(Protocol):
    """
    Anything that finds faces in a picture.

    It is called from two threads, never at the same time, and not with every frame: also with parts of one, and with
    frames whose faces are not needed after all. So what it finds must depend on the picture alone.
    """

    def detect(self, frame: np.ndarray) -> list[Face]:
        """The faces of a frame `(height, width, 3)` uint8 RGB, in its pixels."""
        ...


class YuNetDetector:
    """
    YuNet, or any network of its kind, by OpenCV's `FaceDetectorYN`. One instance serves one thread.

    Args:
        path: the ONNX file.
        score_threshold: faces below this score are left out.
        nms_threshold: of two boxes that overlap by more than this (intersection over union), the better one is kept.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a network that finds faces.
    """

    def __init__(self, path: str | Path, score_threshold: float = 0.6, nms_threshold: float = NMS_THRESHOLD):
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{path}: there is no such file; a face detector is an ONNX file such as YuNet's.")
        self._size = (64, 64)
        refusal = f"{path}: not a face detector; an ONNX file of YuNet's kind would be accepted"
        try:
            with quiet_opencv():
                self._network = cv2.FaceDetectorYN.create(
                    str(path), "", self._size, score_threshold, nms_threshold, MAX_FACES
                )
                # Another network loads, too, and fails or gives other columns only when it runs.
                self._network.setScoreThreshold(0.0)
                _, rows = self._network.detect(np.zeros((64, 64, 3), dtype=np.uint8))
                self._network.setScoreThreshold(score_threshold)
        except cv2.error as error:
            raise ValueError(f"{refusal} ({_reason(error)}).") from error
        if rows is not None and (rows.ndim != 2 or rows.shape[1] != NUM_COLUMNS):
            raise ValueError(f"{refusal} (it gives rows of {rows.shape[1:]} numbers instead of {NUM_COLUMNS}).")

    def detect(self, frame: np.ndarray) -> list[Face]:
        """The faces of a frame `(height, width, 3)` uint8 RGB, in its pixels, the best first."""
        size = (frame.shape[1], frame.shape[0])
        if size != self._size:
            self._network.setInputSize(size)
            self._size = size
        _, rows = self._network.detect(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        if rows is None:
            return []
        rows = np.asarray(rows, dtype=np.float32)
        usable = np.isfinite(rows).all(axis=1) & (rows[:, 2] > 0) & (rows[:, 3] > 0)
        rows = rows[usable]
        rows = rows[np.argsort(-rows[:, 14], kind="stable")]
        return [
            Face(row[:4].copy(), row[4:14].reshape(5, 2).copy(), float(row[14]), leans_upright=True) for row in rows
        ]


def load_detector(where: str | Path | None = None) -> FaceDetector | None:
    """
    The detector that a user names.

    Args:
        where: path of an ONNX file; None for YuNet from the Hub, which is downloaded once; "none" where every frame is
            one face already.

    Returns:
        The detector; None for "none".

    Raises:
        FileNotFoundError: there is no such file, or nothing to download it from.
        ValueError: not a network that finds faces.
    """
    if where is None:
        return YuNetDetector(_download())
    return None if str(where) == "none" else YuNetDetector(where)


def _download() -> str:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return hf_hub_download(DETECTOR_REPO, DETECTOR_FILE)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FileNotFoundError(
            f"the face detector is not on this machine and cannot be downloaded: get {DETECTOR_FILE} from "
            f"https://huggingface.co/{DETECTOR_REPO} and give it with --detector PATH. Clips that are cropped to the "
            "face already need none: leave out --faces, or give --detector none to `logoformer predict`."
        ) from error


def _reason(error: cv2.error) -> str:
    """OpenCV's reason without its version, file and line."""
    text = " ".join(str(error).split())
    return text.rpartition("error: ")[2].strip(" .") or text
