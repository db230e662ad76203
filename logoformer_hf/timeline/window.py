"""A window: about two seconds of one tracked face, and what the model reads in them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

UNSURE = "unsure"  # label of a window in which no expression is named
# The best score below which a window is "unsure": two and a half times chance for seven expressions. A guess of the
# usual kind (no threshold was fitted): scores of a model without a fitted temperature are usually higher than they
# should be.
MIN_SCORE = 0.35


@dataclass(frozen=True)
class Window:
    """
    Consecutive pairs of frames of one track, eight for a model that takes 16 frames, and the scores of the model.

    Times are presentation times in seconds from the start of the video.

    Attributes:
        track_id: number of the track, from 1.
        start_sec: time of the first frame of the first pair; where only its second frame has the face, of that.
        end_sec: time of the last frame of the last pair; where only its first frame has the face, of that. The one
            window of a track that is seen until the video's end or a hole reaches to the last frame there.
        label: name of the class with the highest score, or "unsure": that score is below the recogniser's
            `min_score`, or fewer than half of the frames are usable and nothing was classified.
        scores: probability of each class, NaN where nothing was classified.
        box: x, y, width and height in pixels of the face in the middle usable frame; without one, in the middle frame
            that has the face.
        quality: mean quality of the face over all frames, 0 to 1; a frame without the face counts as 0.
        is_short: the whole track is shorter than a window, and this is its only one.
        frame_times_sec: time of the frame at each position of the model's input; empty where nothing was classified.
        crops: the frames at these positions, `(frames, side, side, 3)` uint8 RGB, where they were asked for.
    """

    track_id: int
    start_sec: float
    end_sec: float
    label: str
    scores: Mapping[str, float]
    box: tuple[float, float, float, float]
    quality: float
    is_short: bool = False
    frame_times_sec: tuple[float, ...] = ()
    crops: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def center_sec(self) -> float:
        """Middle of the window in seconds, the time that it speaks for."""
        return (self.start_sec + self.end_sec) / 2

    @property
    def is_classified(self) -> bool:
        """Whether the window has scores."""
        return not all(math.isnan(score) for score in self.scores.values())

    @property
    def score(self) -> float:
        """The highest score, also of a window that is "unsure" because of it; NaN where nothing was classified."""
        return max(self.scores.values()) if self.is_classified else math.nan
