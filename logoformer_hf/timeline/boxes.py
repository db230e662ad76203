"""Where the face of each track is, at every frame that was looked at."""

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from .pairs import SeenFrame

COLUMNS = 5  # time in seconds, x, y, width and height in pixels


class BoxLog:
    """
    Keeps the boxes of all tracks: 20 bytes a face and frame, at the default grid eight of them a second of a track,
    about 0.6 MB an hour.
    """

    def __init__(self) -> None:
        self._rows: dict[int, array[float]] = {}

    def add(self, frame: SeenFrame) -> None:
        """Takes a frame that is later than the one before."""
        for track_id, view in frame.faces.items():
            self._rows.setdefault(track_id, array("f")).extend((view.time_sec, *view.box))

    def arrays(self) -> dict[int, np.ndarray]:
        """A copy of the boxes so far: for each track `(frames, 5)` float32, seconds, then x, y, width, height."""
        return {
            track_id: np.array(rows, dtype=np.float32).reshape(-1, COLUMNS) for track_id, rows in self._rows.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The boxes as a few arrays."""
        arrays = self.arrays()
        return {
            "track_id": np.array(list(arrays), dtype=np.int64),
            "num_rows": np.array([len(rows) for rows in arrays.values()], dtype=np.int64),
            "rows": np.concatenate([np.empty((0, COLUMNS), np.float32), *arrays.values()]),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state_dict`."""
        ends = np.cumsum(np.asarray(state["num_rows"]))
        parts = np.split(np.asarray(state["rows"], dtype=np.float32), ends[:-1]) if len(ends) else []
        self._rows = {
            int(track_id): array("f", part.tobytes()) for track_id, part in zip(state["track_id"], parts, strict=True)
        }
