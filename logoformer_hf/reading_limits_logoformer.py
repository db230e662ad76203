"""
Limits of what is read: a file of a few bytes may ask for gigabytes, or for hours. FFmpeg and PIL allocate memory for
what a header says, so headers are read here before.

They are settings. `LIMITS.max_side_px = 4096` changes one for this process; an environment variable with the name of
the field, `LOGOFORMER_MAX_SIDE_PX=4096`, for this process and those that it starts.
"""

import os
import re
import stat
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from io import BytesIO
from typing import IO, Any

import av
import numpy as np

PREFIX = "LOGOFORMER_"
# Of `os.open`: it does not wait for who writes to a pipe; for Windows, the file is no text.
READ_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# Boxes of an mp4 that hold boxes, in all of which FFmpeg looks for the tables of samples.
MP4_CONTAINERS = {
    *(b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"),
    *(b"cmov", b"dinf", b"udta", b"wave", b"tref", b"sinf", b"ipro"),
}
MAX_BOX_DEPTH = 12
MAX_UNPACKED_BYTES = 32 * 10**6  # of a compressed index, which QuickTime wrote around 2000
# Samples of uncompressed sound have no entry each in FFmpeg's index, but one for so many.
SOUND_SAMPLES_PER_ENTRY = 1024
# How a JPEG begins.
JPEG_HEAD = b"\xff\xd8"
# Its markers that begin a frame and so have its size: all SOF but DHT, JPG and DAC.
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
# How its parts begin in which PIL looks for an orientation: EXIF, XMP.
PARTS_WITH_ORIENTATION = (b"Exif\0\0", b"http://ns.adobe.com/xap/")
# A progressive JPEG has about ten scans; each goes over all pixels, and needs a few bytes.
MAX_JPEG_SCANS = 100
SHORT_JPEG_BYTES = 10_000  # in longer ones, bytes are counted as quickly by numpy
# Parts of a PNG with compressed texts and colour profiles, which FFmpeg unpacks whatever comes out.
PACKED_CHUNKS = (b"iCCP", b"iTXt", b"zTXt")
MAX_PACKED_CHUNKS = 1000
MAX_CHUNK_BYTES = 8 * 10**6  # unpacked, of all of them together; colour profiles of printers have up to 2 MB
# Codecs whose packets are checked by `check_packet` before FFmpeg sees one; it would decode some to open the file.
PNG_CODECS = ("apng", "png")
CHECKED_CODECS = (*PNG_CODECS, "amv", "mjpeg", "mjpegb", "mxpeg", "sp5x")


# How an address begins, wherever it stands in a text, also one that `Path` has written with a single slash; letters of
# drives are none. And what ends a name and a password in it, also as a server may write it.
SCHEME = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]{2,}:[/\\]+|https?:[/\\]*", re.IGNORECASE)
AT_SIGN = re.compile(r"@|%(?:25)*40")


class VideoReadError(ValueError):
    """A video that cannot be read; the message names the file and the reason, and shows no password of an address."""

    def __init__(self, message: str):
        super().__init__(without_password(message))


def without_password(text: str) -> str:
    """
    A text for messages: where an address is in it, without what is between its scheme and the last @, since a password
    may have any characters in it.
    """
    *_, end = (match.start() for match in AT_SIGN.finditer(text)) if AT_SIGN.search(text) else (0,)
    scheme = SCHEME.search(text, 0, end)
    return text if scheme is None else f"{text[: scheme.end()]}…{text[end:]}"


def first_line(error: Exception) -> str:
    """The reason of an error in one line, without the number and the path that an `OSError` adds."""
    return getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]


def plain_reason(error: Exception) -> str:
    """
    The reason of an error of a decoder for people: what the system, FFmpeg or PIL says, otherwise the kind of error.
    What a parser stumbled over ("unpack requires a buffer of 4 bytes") and names of objects tell them nothing.
    """
    has_words = isinstance(error, (OSError, VideoReadError)) or bool(getattr(error, "strerror", None))  # FFmpeg's, too
    return first_line(error) if has_words and "<" not in first_line(error) else type(error).__name__


@dataclass
class ReadingLimits:
    """
    What a clip may cost. Files of people stay far below every one of these.

    Attributes:
        max_side_px: frames with a longer side are shrunk to it while they are decoded; all others keep their pixels.
        max_pixels: of a picture, in a video or an image file; above those of 8K (7680x4320).
        max_frame_bytes: of a decoded frame of a video, from a file of up to 1 MB: 3840x2160 with 2 bytes a pixel.
            Decoders keep up to 17 of them.
        max_frame_bytes_per_byte: how many more for every further byte.
        max_aspect_ratio: the longer side divided by the shorter one.
        max_packets: in the index of an mp4, sound included.
        max_frames: that a video may have.
        max_decoded_pixels: that are decoded for a clip from a file of up to 1 MB, 289 frames of 1920x1080. Pixels of
            more than 3 bytes count as so many more.
        max_decoded_pixels_per_byte: how many more for every further byte.
        max_packet_ratio: bytes of all packets of a video, divided by those of the file: more where they overlap.
        max_reading_sec: that reading the frames of a clip may take.
        max_download_mb: of an address.
        max_download_sec: from the first connection to the last byte.
        max_child_memory_mb: with `safe_decode`, that reading a clip may add to its process; on Linux.
        max_child_sec: with `safe_decode`, that a clip, or a frame of footage, may take.
    """

    max_side_px: int = 2048
    max_pixels: int = 2**25
    max_frame_bytes: int = 18_000_000
    max_frame_bytes_per_byte: int = 100
    max_aspect_ratio: int = 32
    max_packets: int = 10_000_000
    max_frames: int = 2_000_000
    max_decoded_pixels: int = 600_000_000
    max_decoded_pixels_per_byte: int = 50_000
    max_packet_ratio: int = 4
    max_reading_sec: int = 600
    max_download_mb: int = 1000
    max_download_sec: int = 600
    max_child_memory_mb: int = 1000
    max_child_sec: int = 120

    @classmethod
    def from_environment(cls) -> "ReadingLimits":
        """The limits, with those that environment variables change. Raises a `ValueError` for what is no number."""
        limits = cls()
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            text = os.environ.get(name)
            if text is None:
                continue
            if not text.isascii() or not text.isdigit() or not int(text[:18]):
                raise ValueError(f"the environment variable {name} is {text!r}; it must be a whole number above zero.")
            setattr(limits, field.name, int(text[:18]))
        return limits


LIMITS = ReadingLimits.from_environment()


def shrunk_size(width_px: int, height_px: int, max_side_px: int) -> tuple[int, int]:
    """Width and height of which the longer is at most `max_side_px`, with the same shape; never larger than given."""
    scale = min(1.0, max_side_px / max(width_px, height_px))
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def check_size(name: object, width_px: int, height_px: int) -> None:
    """Raises a `VideoReadError` for a picture that is too large or too narrow."""
    size = f"{name}: its pictures have {width_px}x{height_px} pixels"
    if width_px * height_px > LIMITS.max_pixels:
        raise VideoReadError(f"{size}, more than the {LIMITS.max_pixels:,} that are read.")
    if max(width_px, height_px) > LIMITS.max_aspect_ratio * min(width_px, height_px) > 0:
        raise VideoReadError(f"{size}; one side may be up to {LIMITS.max_aspect_ratio} times as long as the other.")


def check_headers(name: object, file: IO[bytes]) -> None:
    """
    Raises a `VideoReadError` for a video whose headers promise more than is read, before a decoder believes them.

    Args:
        name: what the message calls it.
        file: the video; its position is at its start afterwards.
    """
    size = file.seek(0, os.SEEK_END)
    picture = picture_size(file)
    if picture is not None:
        check_size(name, *picture)
    else:
        entries = mp4_index_entries(file, size)
        if entries > min(size, LIMITS.max_packets):  # every packet has at least one byte
            raise VideoReadError(f"{name}: its index promises {entries:,} packets, and the file has {size:,} bytes.")
    file.seek(0)


def check_frame(name: object, frame: Any, file_bytes: int | None) -> None:
    """
    Raises a `VideoReadError` for frames that are too large, also for the file that they come from.

    Args:
        name: what the message calls the video.
        frame: of PyAV, or the stream that promises such frames; one that does not say its size is passed over.
        file_bytes: of the video; None for an image file, of which one picture is decoded.
    """
    if frame.format is None:
        return
    check_size(name, frame.width, frame.height)
    if file_bytes is None:
        return
    check_frame_bytes(name, frame.width, frame.height, frame.format.padded_bits_per_pixel, file_bytes)


def check_frame_bytes(name: object, width_px: int, height_px: int, bits_per_pixel: int, file_bytes: int) -> None:
    """Raises a `VideoReadError` for pictures that take more bytes than is read from a file of this size."""
    num_bytes = width_px * height_px * bits_per_pixel // 8
    most = LIMITS.max_frame_bytes + max(0, file_bytes - 10**6) * LIMITS.max_frame_bytes_per_byte
    if num_bytes > most:
        raise VideoReadError(
            f"{name}: its pictures have {width_px}x{height_px} pixels and take {num_bytes:,} bytes each, more than "
            f"the {most:,} that are read from a file of {file_bytes:,} bytes."
        )


def counted_pixels(frame: Any) -> int:
    """The pixels of a frame of PyAV; as so many more where they have more than 3 bytes each."""
    return frame.width * frame.height * max(24, frame.format.padded_bits_per_pixel) // 24


def max_decoded_pixels(file_bytes: int) -> int:
    """Pixels that are decoded at most for a clip from a file of this size."""
    return LIMITS.max_decoded_pixels + max(0, file_bytes - 10**6) * LIMITS.max_decoded_pixels_per_byte


class ReadingBudget:
    """
    What reading one open video has cost, and whether that is too much.

    Args:
        container: the video; its name and size are read.

    Raises:
        VideoReadError: by each method, when a limit is passed.
    """

    def __init__(self, container: av.container.InputContainer):
        self.name, self.file_bytes = container.name, container.size
        self._packets = self._packet_bytes = self._pixels = 0
        self._max_pixels = max_decoded_pixels(self.file_bytes)
        self._end_sec = time.monotonic() + LIMITS.max_reading_sec

    def take_packet(self, num_bytes: int) -> None:
        """Counts a packet of the video."""
        self._packets += 1
        self._packet_bytes += num_bytes
        if self._packets > LIMITS.max_frames:
            raise VideoReadError(f"{self.name}: the video has more than {LIMITS.max_frames:,} frames.")
        if self._packet_bytes > LIMITS.max_packet_ratio * self.file_bytes + 10**6:
            raise VideoReadError(f"{self.name}: its packets have more bytes than the file, {self.file_bytes:,}.")

    def take_frame(self, num_pixels: int) -> None:
        """Counts a decoded frame."""
        self._pixels += num_pixels
        if self._pixels > self._max_pixels:
            raise VideoReadError(
                f"{self.name}: more than {self._max_pixels:,} pixels would have to be decoded, which is too much for "
                f"a file of {self.file_bytes:,} bytes."
            )
        if time.monotonic() > self._end_sec:
            raise VideoReadError(f"{self.name}: reading it takes more than {LIMITS.max_reading_sec} seconds.")


def file_content(path: str) -> bytes:
    """The content of a file. Raises a `VideoReadError` for what is none, or an `OSError`."""
    file = os.open(path, READ_AT_ONCE)  # `open` takes twice as long
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):  # a device may have no end
            raise VideoReadError(f"{path}: it is a folder, a pipe or a device, not a file.")
        content = os.read(file, status.st_size + 1)
        if len(content) != status.st_size:  # it grows, or is larger than what is read at once
            with open(file, "rb", closefd=False) as rest:
                content += rest.read()
        return content
    finally:
        os.close(file)


def picture_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Width and height that a GIF, PNG, WebP, BMP, JPEG or AVI promises; None for others and unreadable headers."""
    file.seek(0)
    head = file.read(72)
    if head.startswith(JPEG_HEAD):
        return jpeg_size(file)
    try:
        if head.startswith((b"GIF87a", b"GIF89a")):
            return struct.unpack_from("<HH", head, 6)
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", head, 16)
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return webp_size(head)
        if head.startswith(b"RIFF") and head[8:12] == b"AVI " and head[24:28] == b"avih":
            return struct.unpack_from("<II", head, 64)
        if head.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", head, 18)
            return abs(width), abs(height)
    except struct.error:  # the file ends before
        pass
    return None


def has_gif_picture(packet: bytes) -> bool:
    """Whether a packet of a GIF has anything but the header and extensions: comments, texts of programs, delays."""
    place = 0
    if packet.startswith(b"GIF") and len(packet) > 10:
        flags = packet[10]
        place = 13 + (6 << (flags & 7) if flags & 0x80 else 0)  # behind the colours
    while packet[place : place + 1] == b"!":
        place += 2
        while place < len(packet) and packet[place]:  # blocks, each behind its length; the last one is empty
            place += 1 + packet[place]
        place += 1
    return packet[place : place + 1] not in (b"", b";")


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP by its first 30 bytes."""
    if head[12:16] == b"VP8X":
        width, height = head[24:27], head[27:30]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def jpeg_size(file: IO[bytes]) -> tuple[int, int] | None:
    """Width and height of a JPEG by its first frame header."""
    file.seek(2)
    while True:
        byte = file.read(1)
        while byte not in (b"\xff", b""):  # what is no marker is passed over, as decoders do
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte:
            return None
        marker = byte[0]
        if marker in JPEG_WITHOUT_LENGTH or marker == 0:
            continue
        segment = file.read(7)
        if len(segment) < 7:
            return None
        length, _, height, width = struct.unpack(">HBHH", segment)
        if marker in JPEG_FRAMES:
            return width, height
        if marker in (0xD9, 0xDA):  # the end, and the pixels, before any frame header
            return None
        file.seek(max(length, 2) - 7, 1)


def has_orientation(content: bytes) -> bool:
    """Whether a JPEG may have an orientation: it has EXIF or XMP, in which PIL looks for it."""
    place, end = 2, len(content) - 4
    while place < end and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xDA:  # the pixels, before which both lie
            return False
        if marker == 0xE1 and content.startswith(PARTS_WITH_ORIENTATION, place + 4):
            return True
        if marker == 0xFF:  # there may be more than one before a marker
            place += 1
        else:
            place += 2 + (0 if marker in JPEG_WITHOUT_LENGTH else content[place + 2] << 8 | content[place + 3])
    return any(part in content for part in PARTS_WITH_ORIENTATION)  # it is damaged


def mp4_index_entries(file: IO[bytes], size: int) -> int:
    """
    How many entries the index has that FFmpeg would build of an mp4 or mov, by the counts in its boxes; 0 for others.

    A table may promise samples of one size without naming any, so that few bytes stand for millions of samples; and
    each entry of an edit list may repeat them all.
    """
    entries = 0
    track = Mp4Track()
    for kind, start, end in boxes(file, 0, size):
        if kind == b"trak":  # the tables of the one before are complete
            entries, track = entries + track.index_entries, Mp4Track()
        elif kind in (b"stsz", b"stz2"):
            track.samples = max(track.samples, uint32(file, start + 8))
        elif kind == b"hdlr":
            file.seek(start + 8)
            track.is_sound = file.read(4) == b"soun"
        elif kind == b"stts":
            track.lasts_one_tick = uint32(file, start + 4) == 1 and uint32(file, start + 12) == 1
        elif kind == b"elst":
            track.edits = min(uint32(file, start + 4), (end - start) // 12)
        elif kind == b"trun":
            entries += uint32(file, start + 4)
        elif kind == b"cmvd":
            file.seek(start + 4)
            unpacked = unzip(file.read(end - start - 4))
            entries += mp4_index_entries(BytesIO(unpacked), len(unpacked))
    return entries + track.index_entries


@dataclass
class Mp4Track:
    """What the tables of one track promise; `lasts_one_tick` is how uncompressed sound is marked."""

    samples: int = 0
    edits: int = 0
    is_sound: bool = False
    lasts_one_tick: bool = False

    @property
    def index_entries(self) -> int:
        """Entries of FFmpeg's index."""
        is_uncompressed = self.is_sound and self.lasts_one_tick
        samples = self.samples // SOUND_SAMPLES_PER_ENTRY if is_uncompressed else self.samples
        return samples * max(self.edits, 1)


def boxes(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of the content of all boxes of an mp4 in their order, each before those that it holds."""
    behind: list[tuple[int, int]] = []  # of each box that is open: where the next one starts, where its own box ends
    while True:
        head = b""
        if start + 8 <= end:
            file.seek(start)
            head = file.read(16)
        length, kind = struct.unpack_from(">I4s", head) if len(head) >= 8 else (0, b"")
        header = 8
        if length == 1 and len(head) == 16:
            length, header = struct.unpack_from(">Q", head, 8)[0], 16
        elif length == 0:
            length = end - start
        if not kind or length < header or not kind.isascii():  # no further box here
            if not behind:
                return
            start, end = behind.pop()
            continue
        stop = min(start + length, end)
        yield kind, start + header, stop
        start += length
        if kind in MP4_CONTAINERS and len(behind) < MAX_BOX_DEPTH:
            behind.append((start, end))
            start, end = start - length + header, stop


def uint32(file: IO[bytes], place: int) -> int:
    """The number at a place of a file; 0 behind its end."""
    file.seek(place)
    return int.from_bytes(file.read(4).ljust(4, b"\0"), "big")


def unzip(packed: bytes, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
    """The first bytes of compressed data; nothing of damaged data."""
    try:
        return zlib.decompressobj().decompress(packed, max_bytes)
    except zlib.error:
        return b""


def check_packet(name: object, codec: str, content: bytes) -> None:
    """Raises a `VideoReadError` for a JPEG or PNG within a video that costs far more than its pixels."""
    size = picture_size(BytesIO(content))
    if size is not None:
        check_size(name, *size)
    if codec not in PNG_CODECS:
        check_scans(name, content, size)
        return
    unpacked = number = 0
    for chunk in PACKED_CHUNKS:
        place = content.find(chunk)
        while place >= 0:
            data = content[place + 4 : place + 4 + int.from_bytes(content[max(place - 4, 0) : place], "big")]
            number += 1
            unpacked += unpacked_bytes(chunk, data, MAX_CHUNK_BYTES + 1 - unpacked)
            if unpacked > MAX_CHUNK_BYTES or number > MAX_PACKED_CHUNKS:
                raise VideoReadError(f"{name}: a PNG in it has texts or a colour profile of more than 8 MB.")
            place = content.find(chunk, place + 4)


def unpacked_bytes(chunk: bytes, data: bytes, max_bytes: int) -> int:
    """How many bytes FFmpeg unpacks from a part of a PNG; counted to a maximum."""
    start = data.find(b"\0") + 2  # behind the keyword and the method; a part with languages has two more texts
    if chunk == b"iTXt":
        start = data.find(b"\0", data.find(b"\0", start + 1) + 1) + 1
    return len(unzip(data[start:], max(max_bytes, 1)))


def check_scans(name: object, content: bytes, size: tuple[int, int] | None) -> None:
    """Raises a `VideoReadError` for a JPEG of this size with so many scans that they take minutes."""
    width, height = size or (0, 0)
    most = min(MAX_JPEG_SCANS, max_decoded_pixels(len(content)) // (width * height or 1))
    if len(content) < SHORT_JPEG_BYTES and content.count(b"\xda") <= most:  # quicker than counting markers
        return
    values = np.frombuffer(content, np.uint8)
    scans = int(np.count_nonzero((values[:-1] == 0xFF) & (values[1:] == 0xDA)))
    if scans > MAX_JPEG_SCANS:
        raise VideoReadError(f"{name}: a JPEG with more than {MAX_JPEG_SCANS} scans is not read.")
    if scans * width * height > max_decoded_pixels(len(content)):
        raise VideoReadError(
            f"{name}: a JPEG of {width}x{height} pixels with {scans} scans, too many for {len(content):,} bytes."
        )
