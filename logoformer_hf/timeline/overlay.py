"""The overlay video: the footage with boxes and labels, and a running chart of the scores below it."""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import cv2
import numpy as np

from .._files import whole_file
from .._text import shown_name
from ..downloading_logoformer import download_video, is_address
from ..evaluation.palette import INK
from ..faces.footage import Footage, FootageFrame, camera_index
from ..image_reading_logoformer import first_line
from ..reading_limits_logoformer import without_password
from .colours import expression_colours, ink_on, rgb_of
from .drawing import draw_box, fill, shortened_to, text_size, write
from .inputs import real_path
from .overlay_file import OverlayFile, check_encoder, check_size
from .overlay_panel import Panel
from .overlay_person import Person, people_of
from .overlay_sound import Sound
from .timeline import Timeline
from .window import UNSURE

# A smaller picture is enlarged by a whole number, so that text beside faces of a few pixels is readable.
_MIN_WIDTH_PX = 320
# No enlarged picture has a longer side than this; one that is still narrower than the other has no room for text.
_MAX_ENLARGED_PX, _NARROWEST_PX = 4096, 64
_FALLBACK_FPS = 25.0
_PANEL_SHARE = 0.6  # of the picture's height, for the rows of people


def check_overlay(source: str | Path | int, path: str | Path) -> None:
    """
    Checks before work begins what can be checked then.

    Raises:
        ValueError: the footage cannot be read a second time, the name does not end in .mp4, the overlay would replace
            the footage, or there is no H.264 encoder.
    """
    if camera_index(source) is not None:
        raise ValueError(
            f"an overlay reads the footage a second time, which camera {camera_index(source)} cannot give; record it "
            "to a file and read that."
        )
    name = str(source)
    if "://" in name and not is_address(name):
        raise ValueError(
            f"{without_password(name)}: an overlay reads the footage a second time; give a file, a folder or a web "
            "address."
        )
    if "://" not in name and Path(name).exists() and not (Path(name).is_file() or Path(name).is_dir()):
        raise ValueError(f"{name}: an overlay reads the footage a second time, which a pipe cannot give; give a file.")
    if Path(path).suffix.lower() != ".mp4":
        raise ValueError(f"{path}: the name of an overlay video must end in .mp4.")
    if "://" not in name and real_path(name) == real_path(path):
        raise ValueError(f"{path}: the overlay would replace the footage; give another name.")
    check_encoder()


def enlargement(width_px: int, height_px: int) -> int:
    """
    How many times as large as pictures of this size the overlay shows them.

    Raises:
        ValueError: an overlay of such pictures would be too narrow for any text, or larger than H.264 allows.
    """
    times = min(math.ceil(_MIN_WIDTH_PX / width_px), _MAX_ENLARGED_PX // max(width_px, height_px))
    times = max(1, times)
    if width_px * times < _NARROWEST_PX:
        raise ValueError(
            f"pictures of {width_px}x{height_px} pixels are too narrow for an overlay: enlarged to a height of at "
            f"most {_MAX_ENLARGED_PX} pixels, they must be at least {_NARROWEST_PX} pixels wide."
        )
    check_size(width_px * times, height_px * times)
    return times


def write_overlay(
    source: str | Path | int,
    timeline: Timeline,
    path: str | Path,
    progress: Callable[[float, float | None], object] | None = None,
) -> list[str]:
    """
    Writes the footage again as mp4 (H.264) with a box, number, label and score for each person, and below it the
    scores of the last ten seconds. Frames keep their times, the sound is kept in step.

    Args:
        source: the footage: a file, a folder of frames, or an address.
        timeline: its timeline.
        path: video to write, ending in .mp4.
        progress: gets the seconds of footage that are done, and how many there are.

    Returns:
        Notes for people: what of the footage or its sound was lost.

    Raises:
        ValueError: what `check_overlay` finds; footage of another size than the timeline's, or of a size that an
            overlay cannot have.
        VideoReadError: the footage cannot be read.
        OSError: the video cannot be written.
    """
    check_overlay(source, path)
    with _local(source) as local, Footage(local) as footage:
        info = footage.info
        if (info.width_px, info.height_px) != (timeline.width_px, timeline.height_px):
            raise ValueError(
                f"{source}: the pictures have {info.width_px}x{info.height_px} pixels, those of the timeline of "
                f"{timeline.source} have {timeline.width_px}x{timeline.height_px}; give the footage of this timeline."
            )
        painter = OverlayPainter(timeline)
        sound = Sound(local, info.start_sec) if local.is_file() else None
        try:
            with whole_file(path) as partial:
                fps = info.fps or timeline.fps or _FALLBACK_FPS
                output = OverlayFile(partial, *painter.size, fps, sound)
                try:
                    for frame, duration_sec in _with_durations(footage, timeline.duration_sec, fps):
                        output.write(painter.draw(frame.pixels, frame.time_sec), frame.time_sec, duration_sec)
                        if progress is not None:
                            progress(frame.time_sec, timeline.duration_sec)
                    output.finish()
                finally:
                    output.close()
        except av.FFmpegError as error:
            raise OSError(f"{path}: the overlay could not be written ({first_line(error)}).") from error
        finally:
            if sound is not None:
                sound.close()
        return [*footage.notes, *(sound.notes if sound else ())]


@contextmanager
def _local(source: str | Path | int) -> Iterator[Path]:
    """The path of the footage; of an address, that of a copy on the disk."""
    if not is_address(source):
        yield Path(str(source))
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "footage"
        copy.write_bytes(download_video(str(source)).getbuffer())
        yield copy


def _with_durations(
    frames: Iterable[FootageFrame], end_sec: float, fps: float
) -> Iterator[tuple[FootageFrame, float]]:
    """Each frame with the seconds until the next one, the last with those until the end of the video."""
    before = None
    for frame in frames:
        if before is not None:
            yield before, frame.time_sec - before.time_sec
        before = frame
    if before is not None:
        rest = end_sec - before.time_sec
        yield before, rest if 0 < rest <= 1 else 1 / fps


class OverlayPainter:
    """
    Draws the overlay of any frame of a video.

    Attributes:
        size: width and height in pixels of the pictures that it draws.

    Raises:
        ValueError: an overlay cannot have pictures of this size.
    """

    def __init__(self, timeline: Timeline):
        self._enlarge = enlargement(timeline.width_px, timeline.height_px)
        self._width, self._height = timeline.width_px * self._enlarge, timeline.height_px * self._enlarge
        self._text_px = max(12, round(min(self._width, 16 / 9 * self._height) / 48))
        self._people = people_of(timeline)
        self._colours = expression_colours(timeline.label_names)
        self._panel = Panel(timeline, self._people, self._width, self._text_px, round(_PANEL_SHARE * self._height))
        self.size = (self._width, self._height + self._panel.height_px)
        check_size(*self.size)
        self._canvas = np.empty((*self.size[::-1], 3), dtype=np.uint8)

    def draw(self, pixels: np.ndarray, time_sec: float) -> np.ndarray:
        """
        Args:
            pixels: the frame, `(height, width, 3)` uint8 RGB.
            time_sec: its time.

        Returns:
            The picture, `(height, width, 3)` uint8 RGB, which is overwritten by the next call.
        """
        picture = self._canvas[: self._height]
        if self._enlarge == 1:
            picture[:] = pixels
        else:
            cv2.resize(pixels, (self._width, self._height), dst=picture, interpolation=cv2.INTER_CUBIC)
        seen = [
            (person, label, self._draw_box(picture, label, box))
            for person in self._people
            if (label := person.label_at(time_sec)) is not None and (box := person.box_at(time_sec)) is not None
        ]
        tags: list[tuple[int, int, int, int]] = []
        for person, label, place in seen:
            tags.append(self._write_tag(picture, person, label, time_sec, place, tags))
        self._panel.draw(self._canvas[self._height :], time_sec)
        return self._canvas

    def _draw_box(self, picture: np.ndarray, label: str, box: np.ndarray) -> tuple[int, int, int, int]:
        """Draws a box (x, y, width, height in pixels of the footage); returns it in pixels of the picture."""
        x, y, width, height = (round(float(value)) for value in box * self._enlarge)
        thickness = max(2, self._text_px // 6)
        colour = rgb_of(self._colours.get(label, INK))
        draw_box(picture, (x, y, width, height), thickness, colour, rgb_of(INK), label == UNSURE)
        return x, y, width, height

    @staticmethod
    def _says(person: Person, label: str, time_sec: float) -> str:
        """Number, label of the segment and its score; also the best label of the moment, where it is another."""
        says, score = f"{person.track_id} {shown_name(label)}", person.score_at(time_sec, label)
        if math.isnan(score):
            return says
        best, best_score = person.best_at(time_sec)
        now = "" if best == label else f" (now {shown_name(best)} {best_score:.0%})"
        return f"{says} {score:.0%}{now}"

    def _write_tag(
        self,
        picture: np.ndarray,
        person: Person,
        label: str,
        time_sec: float,
        box: tuple[int, int, int, int],
        others: list[tuple[int, int, int, int]],
    ) -> tuple[int, int, int, int]:
        """Writes number, label and score beside a box, where no other tag is; returns where."""
        says = self._says(person, label, time_sec)
        pad = self._text_px // 3
        says = shortened_to(says, self._text_px, self._width - 2 * pad)
        width, height = text_size(says, self._text_px)
        width, height = width + 2 * pad, height + 2 * (pad // 2)
        left = min(max(box[0] - 1, 0), self._width - width)
        tops = [box[1] - height - 1, box[1] + box[3] + 2, box[1] - 2 * height - 2, box[1] + box[3] + height + 3]
        places = [(left, top, width, height) for top in tops if 0 <= top <= self._height - height]
        places = places or [(left, max(0, min(box[1], self._height - height)), width, height)]  # inside of the box
        place = next((each for each in places if not any(_overlap(each, other) for other in others)), places[0])
        colour = self._colours.get(label, INK)
        fill(picture, *place, rgb_of(colour))
        write(picture, says, place[0] + pad, place[1] + pad // 2, self._text_px, rgb_of(ink_on(colour)))
        return place


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two rectangles (x, y, width, height) have pixels in common."""
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))
