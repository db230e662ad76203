"""Reads the frames of a video file from start to end with PyAV, with their presentation times."""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import av

from ..frame_times_logoformer import oddities
from ..image_reading_logoformer import VideoReadError
from ..video_container_logoformer import (
    FrameConverter,
    FrameDecoder,
    VideoFile,
    choose_stream,
    named_errors,
    open_container,
    pixel_aspect_ratio,
)
from .frames import DecodedFrame

# A time that lies further back than this starts a new count (files that were joined); less is a frame out of order.
MAX_DISORDER_SEC = 1.0
# Where neither the file nor its frames give a rate.
FALLBACK_FPS = 25.0
# A last frame this much, and this many frames, before the end that the file promises for the video is worth a note.
EARLY_END_SEC = 0.1
EARLY_END_FRAMES = 3
# The same where only the end of all streams together is known, of which another one may last longer.
EARLY_END_OF_STREAMS_SEC = 0.5
SAME_DURATION_SEC = 0.002  # containers round to milliseconds


class ContainerReader:
    """
    The frames of one video file or downloaded video. FFmpeg's best video stream that is no cover picture is read.

    Time 0 is the start of the file's presentation (`container.start_time`), as in players, so that subtitles written
    with these times are in step: a video stream that begins after the sound has a first time above 0. A start before
    zero counts as zero where the video itself does not begin before it (the sound's encoder delay).

    Raises:
        VideoReadError: not a video, without video stream, or without a frame that decodes.
    """

    def __init__(self, video: VideoFile):
        self.name = str(video)
        self.notes: list[str] = []
        self._num_dropped = self._num_mended = self._num_resized = 0
        self._last_sec: float | None = None
        self._last_shown_sec = 0.0  # how long the last frame is shown
        self._offset_sec = 0.0
        self._stack = ExitStack()
        try:
            with named_errors(video):
                self._open(video)
                self._decoded = self._decoder.frames()
                first = next(self._decoded, None)
            if first is None:
                reason = f" ({self._decoder.broke})" if self._decoder.broke else ""
                raise VideoReadError(f"{video}: the video has no frames that can be decoded{reason}.")
            self.converter = FrameConverter(first, pixel_aspect_ratio(self._stream), video)
        except VideoReadError:
            self.close()
            raise
        self._first = first
        self.notes += oddities(first)
        self.size = self.converter.size

    def _open(self, video: VideoFile) -> None:
        self._container = self._stack.enter_context(open_container(video))
        self._stream = choose_stream(self._container, video)
        self._decoder = FrameDecoder(self._container, self._stream, video)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else None
        self.start_sec = self._presentation_start()
        self.duration_sec = self._promised_duration()
        self._base = float(self._stream.time_base) if self._stream.time_base else None

    def _presentation_start(self) -> float:
        start = self._container.start_time
        if start is None:
            return 0.0
        own = self._stream.start_time
        if start < 0 and own is not None and own >= 0:
            return 0.0
        return float(start / av.time_base)

    def _promised_duration(self) -> float | None:
        if self._container.duration is not None:
            return float(self._container.duration / av.time_base)
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return None

    def frames(self) -> Iterator[DecodedFrame]:
        """The frames with increasing times. `notes` is complete when they have ended."""
        index = 0
        frame: av.VideoFrame | None = self._first
        del self._first
        while frame is not None:
            self._num_resized += not self.converter.has_first_size(frame)
            time_sec = self._time_of(frame)
            if time_sec is not None:
                self._last_sec, self._last_shown_sec = time_sec, (frame.duration or 0) * (self._base or 0.0)
                yield DecodedFrame(index, time_sec, frame, self.converter)
                index += 1
            frame = next(self._decoded, None)
        self._write_notes()

    def _period_sec(self) -> float:
        return 1 / (self.fps or FALLBACK_FPS)

    def _time_of(self, frame: av.VideoFrame) -> float | None:
        """The time of a frame, later than all before; None for a frame that is out of order and dropped."""
        # FFmpeg invents the times of AVI, in the order of decoding.
        is_invented = self._container.format.name == "avi" and self._stream.codec_context.has_b_frames
        stamp = None if is_invented else frame.pts if frame.pts is not None else frame.dts
        if stamp is None or self._base is None:
            self._num_mended += 1
            return 0.0 if self._last_sec is None else self._last_sec + self._period_sec()
        # From the frame's own time base: it differs from the stream's after some filters, not here.
        time_sec = stamp * self._base - self.start_sec + self._offset_sec
        if self._last_sec is None or time_sec > self._last_sec:
            return time_sec
        if self._last_sec - time_sec <= MAX_DISORDER_SEC:
            self._num_dropped += 1
            return None
        mended = self._last_sec + self._period_sec()
        self._offset_sec += mended - time_sec
        self._num_mended += 1
        return mended

    def _write_notes(self) -> None:
        say = self.notes.append
        width, height = self.size
        for number, noun, happened in (
            (self._decoder.num_failed, "packet", "could not be decoded and {was} left out"),
            (self._decoder.num_corrupt, "frame", "{is_} damaged"),
            (self._num_dropped, "frame", "with a time not later than the one before {was} left out"),
            (self._num_mended, "frame", "without a usable time {was} placed by the average rate"),
            (self._num_resized, "frame", f"of another size {{was}} resized to {width}x{height}"),
        ):
            if number:
                say(sentence(number, noun, happened))
        if self._decoder.broke:
            say(f"the file breaks off after {self._last_sec or 0.0:.2f} s ({self._decoder.broke}).")
        promised = self._stream.frames
        if promised > self._decoder.num_frames:
            hidden = (
                f" ({self._decoder.num_discarded} marked as not to be shown)" if self._decoder.num_discarded else ""
            )
            read = "was" if self._decoder.num_frames == 1 else "were"
            say(f"the header promises {_count(promised, 'frame')}; {self._decoder.num_frames} {read} read{hidden}.")
        elif not promised and not self._decoder.broke and self._ends_early():
            end_sec = self._end_of_video_sec() or self.duration_sec or 0.0
            say(f"the header promises {end_sec:.2f} s; the last frame is at {self._last_sec or 0.0:.2f} s.")

    def _ends_early(self) -> bool:
        """Whether the last frame is further before the promised end than an intact file's would be."""
        if self._last_sec is None:
            return False
        period_sec, end_sec = self._period_sec(), self._end_of_video_sec()
        if end_sec is not None:
            # A frame that is shown for long, as often the last one of a GIF, has its time to itself.
            usual_sec = max(EARLY_END_FRAMES * period_sec, EARLY_END_SEC, self._last_shown_sec + period_sec)
            return end_sec - self._last_sec > usual_sec
        if self.duration_sec is None:
            return False
        return self._last_sec + period_sec < self.duration_sec - EARLY_END_OF_STREAMS_SEC

    def _end_of_video_sec(self) -> float | None:
        """The time at which the video stream ends, as the file says; None where it says it only of all its streams."""
        is_matroska = "matroska" in self._container.format.name
        # Matroska counts from its zero, others from the start of the presentation.
        zero_sec = max(self.start_sec, 0.0) if is_matroska else 0.0
        is_alone = len(self._container.streams) == 1
        if self._stream.duration and self._base is not None and (is_alone or not self._has_duration_of_file()):
            begin = self._stream.start_time or 0
            return float((begin + self._stream.duration) * self._base) - self.start_sec
        own = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", self._stream.metadata.get("DURATION", "").strip("\0 "))
        if own:
            return int(own[1]) * 3600 + int(own[2]) * 60 + float(own[3]) - zero_sec
        return self.duration_sec - zero_sec if is_alone and self.duration_sec is not None else None

    def _has_duration_of_file(self) -> bool:
        """Whether the stream's duration is that of the file, which FFmpeg gives a stream without its own (FLV)."""
        whole = self._container.duration
        own_sec = float((self._stream.duration or 0) * (self._stream.time_base or 0))
        return whole is not None and abs(own_sec - whole / av.time_base) < SAME_DURATION_SEC

    def close(self) -> None:
        """Closes the file."""
        self._stack.close()


def sentence(number: int, noun: str, happened: str) -> str:
    """What happened to so many: `{was}` and `{is_}` in it become the verb's singular or plural."""
    is_one = number == 1
    verbs = happened.format(was="was" if is_one else "were", is_="is" if is_one else "are")
    return f"{_count(number, noun)} {verbs}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
