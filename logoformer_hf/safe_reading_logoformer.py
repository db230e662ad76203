"""
Reads clips in a child process with limits on memory and time: what a file does to a decoder, a crash included, ends
there and comes back as an error.

A child is started as a new Python, not forked, so that it has neither threads nor GPU memory of this process, and none
of its secrets in its environment. It stays for the next clip. It answers with JSON and pixels, nothing that this
process would execute.
"""

import importlib
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import torch
from transformers.video_utils import VideoMetadata

from .frame_times_logoformer import ClipMetadata, FrameCount
from .image_reading_logoformer import ChooseIndices
from .reading_limits_logoformer import LIMITS, VideoReadError, plain_reason
from .video_reading_logoformer import read_clip, warn_of_damage

# Imports this file as part of a package of its own, since the real one imports much more.
START = """
import importlib, sys, types
package = types.ModuleType("reading")
package.__path__ = [sys.argv[1]]
sys.modules["reading"] = package
sys.path[:] = sys.argv[2:]
importlib.import_module("reading.safe_reading_logoformer").serve()
"""
# Environment variables of such names are not given to programs that need none of them; addresses of data bases often
# hold a password.
SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASS|PWD|CREDENTIAL|KEY|AUTH|COOKIE|DATABASE_URL|_DSN$|_PAT$", re.IGNORECASE)
MAX_IDLE_CHILDREN = 2
HEADER = struct.Struct(">IQ")  # bytes of the JSON, bytes of the pixels
MAX_JSON_BYTES = 64 << 20


def environment_without_secrets() -> dict[str, str]:
    """The environment of this process, without variables whose names say that they hold a secret."""
    return {name: value for name, value in os.environ.items() if not SECRET_NAMES.search(name)}


def read_clip_safely(
    clip: Any, choose_indices: ChooseIndices, min_decoded_side_px: int | None = None
) -> tuple[np.ndarray | torch.Tensor, VideoMetadata]:
    """
    As `read_clip`, in a child process; frames in memory, which need no decoder, are read here.

    Raises:
        VideoReadError: also where reading needs more than `LIMITS.max_child_memory_mb` or `LIMITS.max_child_sec`, or
            ends the child.
    """
    is_list_of_files = isinstance(clip, (list, tuple)) and isinstance(clip[0], (str, Path, bytes, dict))
    if not isinstance(clip, (str, Path, bytes)) and not is_list_of_files and not isinstance(clip, dict):
        return read_clip(clip, choose_indices, min_decoded_side_px)
    name = str(clip) if isinstance(clip, (str, Path)) else "the clip"
    with borrowed_child(name) as child:
        child.call("safe_reading_logoformer", "serve_clip", clip, min_decoded_side_px)
        answer, pixels = child.receive()
        while "count" in answer:
            times_sec = answer["times_sec"]
            count = FrameCount(answer["count"], None if times_sec is None else tuple(times_sec))
            child.send([int(index) for index in choose_indices(count)])
            answer, pixels = child.receive()
    described = answer["metadata"]
    if "notes" not in described:
        return pixels, VideoMetadata(**described)
    if described["times_sec"] is not None:
        described["times_sec"] = tuple(described["times_sec"])
    metadata = ClipMetadata(**described)
    warn_of_damage(name, metadata)
    return pixels, metadata


class Child:
    """
    A process that reads one file at a time.

    Attributes:
        name: what error messages call the file.
        is_ready: whether it waits for a call.
        is_waiting: whether the called function waits for something to be sent.
    """

    def __init__(self) -> None:
        self.name = ""
        self.is_ready, self.is_waiting = True, False
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(Path(__file__).parent), *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_without_secrets() | {"OMP_NUM_THREADS": "1"},
        )

    def call(self, module: str, function: str, *arguments: Any) -> None:
        """Calls a function of a module beside this one, which gets the channel to this process first."""
        self.is_ready = False
        self.send([asdict(LIMITS), str(Path.cwd()), module, function, arguments])

    def send(self, value: Any) -> None:
        """Sends what the called function waits for."""
        assert self._process.stdin is not None
        self.is_waiting = False
        try:
            self._process.stdin.write(pickle.dumps(value))
            self._process.stdin.flush()
        except OSError:
            self._fail("")

    def receive(self) -> tuple[dict[str, Any], np.ndarray]:
        """
        The next answer, and its pixels, `(..., 3)` uint8, empty for none.

        Raises:
            VideoReadError: the child's own error; or it crashed or took too long, and is ended.
        """
        assert self._process.stdout is not None
        is_late = threading.Event()

        def end() -> None:
            is_late.set()
            self._process.kill()

        timer = threading.Timer(LIMITS.max_child_sec, end)
        timer.daemon = True
        timer.start()
        try:
            answer, pixels = receive_answer(self._process.stdout)
        except (EOFError, ValueError, OSError):
            self._fail(f"reading it takes more than {LIMITS.max_child_sec} seconds" if is_late.is_set() else "")
        finally:
            timer.cancel()
        self.is_ready = bool(answer.get("is_ready"))
        if "error" in answer:
            raise VideoReadError(str(answer["error"]))
        self.is_waiting = not self.is_ready
        return answer, pixels

    def _fail(self, reason: str) -> None:
        self.close()
        code = self._process.returncode
        raise VideoReadError(f"{self.name}: {reason or f'the decoder ended without an answer (exit status {code})'}.")

    def close(self) -> None:
        """Ends the process."""
        self.is_ready = self.is_waiting = False
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._process.wait()


_idle: list[Child] = []
_lock = threading.Lock()


def forget_children() -> None:
    """After a fork: the children are those of the process before."""
    global _lock
    _idle.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=forget_children)


@contextmanager
def borrowed_child(name: str) -> Iterator[Child]:
    """A child for one file; it is kept for the next one where it still waits for calls afterwards."""
    child = take_child()
    child.name = name
    try:
        yield child
    finally:
        return_child(child)


def take_child() -> Child:
    """A child that waits for a call: one that is there, or a new one."""
    while True:
        with _lock:
            child = _idle.pop() if _idle else None
        if child is None:
            return Child()
        if child._process.poll() is None:
            return child
        child.close()


def return_child(child: Child) -> None:
    """Keeps a child for the next file, or ends it."""
    with _lock:
        is_kept = child.is_ready and len(_idle) < MAX_IDLE_CHILDREN
        if is_kept:
            _idle.append(child)
    if not is_kept:
        child.close()


def receive_answer(file: IO[bytes]) -> tuple[dict[str, Any], np.ndarray]:
    """An answer of a child. Raises an `EOFError` where it breaks off, a `ValueError` for what is no answer."""
    num_json, num_pixels = HEADER.unpack(read_exactly(file, HEADER.size))
    if num_json > MAX_JSON_BYTES or num_pixels > LIMITS.max_child_memory_mb * 10**6:
        raise ValueError("the answer is too long.")
    answer = json.loads(read_exactly(file, num_json))
    pixels = np.frombuffer(read_exactly(file, num_pixels), np.uint8)
    return answer, pixels.reshape(answer["shape"]) if num_pixels else pixels


def read_exactly(file: IO[bytes], size: int) -> bytearray:
    """So many bytes; an `EOFError` where there are fewer."""
    content = bytearray(size)
    view = memoryview(content)
    done = 0
    while done < size:
        count = file.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        done += count
    return content


class Channel:
    """What a function in a child gets: the way to the process that called it."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO):
        self._incoming, self._outgoing = incoming, outgoing

    def receive(self) -> Any:
        """What the other process sends. Raises an `EOFError` when it has ended."""
        return pickle.load(self._incoming)

    def send(self, answer: dict[str, Any], pixels: np.ndarray | None = None) -> None:
        """Sends an answer with pixels of any shape, uint8. Ends this process where the other one has ended."""
        if pixels is not None:
            answer = answer | {"shape": pixels.shape}
            pixels = np.ascontiguousarray(pixels)
        text = json.dumps(answer).encode()
        try:
            self._outgoing.write(HEADER.pack(len(text), 0 if pixels is None else pixels.nbytes) + text)
            if pixels is not None and pixels.size:
                self._outgoing.write(pixels.data.cast("B"))
            self._outgoing.flush()
        except BrokenPipeError:
            os._exit(1)  # at once: Python would try to send the rest at its own end, and say that it cannot


def serve() -> None:
    """The child: calls functions until the process that started it ends."""
    channel = Channel(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    nothing = os.open(os.devnull, os.O_RDWR)  # what a library prints is no answer
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    limit_resources = resource_limiter()
    while True:
        try:
            limits, folder, module, function, arguments = channel.receive()
        except EOFError:
            return
        for name, value in limits.items():
            setattr(LIMITS, name, value)
        with suppress(OSError):  # it was deleted
            os.chdir(folder)
        limit_resources()
        try:
            getattr(importlib.import_module(f"{__package__}.{module}"), function)(channel, *arguments)
        except MemoryError:
            channel.send({"error": f"{describe(arguments)}: reading it takes more memory than is allowed here."})
            return  # the next clip gets a new process
        except Exception as error:
            is_ours = isinstance(error, VideoReadError)
            message = str(error) if is_ours else f"{describe(arguments)}: it cannot be read ({plain_reason(error)})."
            channel.send({"error": message, "is_ready": True})


def describe(arguments: tuple[Any, ...]) -> str:
    """What error messages call the file that a function of a child gets first."""
    return str(arguments[0]) if isinstance(arguments[0], (str, Path)) else "the clip"


def resource_limiter() -> Callable[[], None]:
    """A function that limits this process to `LIMITS.max_child_memory_mb` more than it has now; on Linux alone."""
    try:
        import resource

        status = Path("/proc/self/status").read_text()
    except (ImportError, OSError):
        return lambda: None
    now = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no files

    def limit() -> None:
        most = now + LIMITS.max_child_memory_mb * 10**6
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))

    return limit


def serve_clip(channel: Channel, clip: Any, min_decoded_side_px: int | None) -> None:
    """In a child: reads a clip. Its frames are counted here and chosen by the other process."""

    def choose_indices(count: int) -> list[int]:
        channel.send({"count": int(count), "times_sec": getattr(count, "times_sec", None)})
        indices: list[int] = channel.receive()
        return indices

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the other process warns
        frames, metadata = read_clip(clip, choose_indices, min_decoded_side_px)
    channel.send({"metadata": asdict(metadata), "is_ready": True}, np.asarray(frames))
