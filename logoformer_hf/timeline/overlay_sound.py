"""The sound of a video on its way into another file, at its own times: its packets as they are, or as AAC."""

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ..image_reading_logoformer import first_line
from ..video_container_logoformer import packets_of

# What players read in an mp4 file; all else is encoded as AAC.
COPIED_CODECS = {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}
_AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_GAP_SEC = 0.05  # a longer gap in the sound is filled with silence; a shorter one is rounding


class Sound:
    """
    The first sound of a file, if it has one that can be decoded or copied.

    Args:
        path: the file.
        start_sec: the file's own time that becomes time 0.

    Attributes:
        notes: sentences about what was lost; complete at the end.
    """

    def __init__(self, path: Path, start_sec: float):
        self.notes: list[str] = []
        self._start_sec = start_sec
        self._stack = ExitStack()
        self._waiting: Any = None
        self._out: Any = None
        self._stream: Any = None
        try:
            file = self._stack.enter_context(path.open("rb"))
            options = {"protocol_whitelist": "none"}  # FFmpeg must not open other files, which a playlist may name
            container = self._stack.enter_context(av.open(file, options=options, metadata_errors="replace"))
            self._container: Any = container
            self._stream = container.streams.best("audio") if container.streams.audio else None
        except (av.FFmpegError, OSError) as error:
            self.notes.append(f"the sound could not be read ({first_line(error)}).")
        if self._stream is not None and self._stream.codec_context is None:
            self._stream = None
            self.notes.append("the sound is of a kind that FFmpeg does not know, and was left out.")

    def add_to(self, output: Any) -> None:
        """Adds a stream for the sound to the output; does nothing without sound."""
        if self._stream is None:
            return
        context = self._stream.codec_context
        if context.codec.canonical_name in COPIED_CODECS:
            self._out = output.add_stream_from_template(self._stream)
            self._packets = self._copied()
        else:
            rate = next((rate for rate in _AAC_RATES if rate <= context.sample_rate), _AAC_RATES[-1])
            layout = "mono" if context.channels == 1 else "stereo"
            self._out = output.add_stream("aac", rate=rate, layout=layout)
            self._packets = self._encoded(rate, layout)
        self._waiting = next(self._packets, None)

    def packets_until(self, time_sec: float) -> Iterator[Any]:
        """The packets to write that begin at this time or earlier."""
        while self._waiting is not None:
            begin = self._waiting.dts if self._waiting.dts is not None else self._waiting.pts
            if begin * self._waiting.time_base > time_sec:
                return
            yield self._waiting
            self._waiting = next(self._packets, None)

    def _copied(self) -> Iterator[Any]:
        last = None
        for packet in self._demuxed():
            if packet.dts is None or packet.size == 0:
                continue
            offset = round(self._start_sec / packet.time_base)
            packet.dts -= offset
            packet.pts = packet.dts if packet.pts is None else packet.pts - offset
            if last is not None and packet.dts <= last:  # files that were joined; an mp4 file cannot have it
                continue
            last = packet.dts
            packet.stream = self._out
            yield packet

    def _demuxed(self) -> Iterator[Any]:
        """The packets of the sound; reading stops with a note where the file breaks off."""
        packets = packets_of(self._container, self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self.notes.append(f"the sound breaks off ({first_line(error)}).")
                return
            if packet is None:
                return
            yield packet

    def _encoded(self, rate: int, layout: str) -> Iterator[Any]:
        # With integers FFmpeg turns the sum of many channels down; as floats it would be too loud for the encoder.
        resampler = av.AudioResampler(format="s16p", layout=layout, rate=rate)
        position: int | None = None  # in samples, where the next frame begins
        for frame in self._decoded():
            begin = None if frame.pts is None else round((float(frame.pts * frame.time_base) - self._start_sec) * rate)
            frame.pts = None
            for part in resampler.resample(frame):
                if position is None:
                    position = begin or 0
                elif begin is not None and begin - position > _GAP_SEC * rate:
                    for first in range(position, begin, rate):  # a second at a time
                        silence = _silent(min(rate, begin - first), rate, layout)
                        yield from self._encode(silence, first, rate)
                    position = begin
                yield from self._encode(part, position, rate)
                position += part.samples
                begin = None
        yield from self._out.encode(None)

    def _encode(self, frame: Any, position: int, rate: int) -> Any:
        frame.pts, frame.time_base = position, Fraction(1, rate)
        return self._out.encode(frame)

    def _decoded(self) -> Iterator[Any]:
        num_failed = 0
        for packet in self._demuxed():
            try:
                yield from packet.decode()
            except av.EOFError:
                continue
            except av.FFmpegError:
                num_failed += 1
        if num_failed:
            self.notes.append(f"{num_failed} packets of the sound could not be decoded.")

    def close(self) -> None:
        """Closes the file."""
        self._stack.close()


def _silent(samples: int, rate: int, layout: str) -> av.AudioFrame:
    """So many samples of silence."""
    channels = 1 if layout == "mono" else 2
    frame = av.AudioFrame.from_ndarray(np.zeros((channels, samples), dtype=np.int16), format="s16p", layout=layout)
    frame.sample_rate = rate
    return frame
