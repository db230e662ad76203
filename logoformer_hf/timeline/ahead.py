"""Runs an iterator in a thread of its own, some items ahead of who takes them."""

import atexit
import gc
import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

_CHECK_EVERY_SEC = 1.0  # whether the thread is still there


@dataclass
class _End:
    """No more items; the error that ended them."""

    error: BaseException | None = None


_running: "list[_Maker[Any]]" = []  # in the order of their start
_collector = threading.local()  # `is_running`: whether Python's collector of unused objects runs in this thread


def _note_collector(phase: str, info: dict[str, Any]) -> None:
    _collector.is_running = phase == "start"


gc.callbacks.append(_note_collector)


def ahead(
    items: Generator[Item, None, None], max_waiting: int, stop: threading.Event, name: str
) -> Generator[Item, None, None]:
    """
    The items of a generator that runs in a thread; an error in it is raised where the items are taken.

    The thread has ended when the taking has: at the end, after an error, when it is given up, and at the latest when
    the program ends. Only where Python's collector of unused objects gives up the taking, the thread ends afterwards:
    the collector runs in any thread, also in this one, or in one that has a lock that this one waits for. So `items`
    itself closes what it uses.

    Args:
        items: closed at the end, after an error, and when the taking is given up.
        max_waiting: items that may wait; then the thread waits, too.
        stop: is set when the taking is given up. A generator that works for long between two items looks at it.
        name: of the thread.

    Raises:
        RuntimeError: the thread is gone, which happens in a process that was forked since.
    """
    maker = _Maker(items, max_waiting, stop, name)
    try:
        while not isinstance(item := maker.take(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        maker.end()


class _Maker(Generic[Item]):
    """The thread that makes the items; arguments as those of `ahead`."""

    def __init__(self, items: Generator[Item, None, None], max_waiting: int, stop: threading.Event, name: str):
        self.items, self.stop = items, stop
        self.waiting: queue.Queue[Item | _End] = queue.Queue(max_waiting)
        self.has_ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        _running.append(self)
        try:
            for item in self.items:
                self._put(item)
                if self.stop.is_set():
                    break
            self.items.close()
            self._put(_End())
        except BaseException as error:  # raised again where the items are taken
            self._put(_End(error))
        finally:
            _running.remove(self)
            self.has_ended.set()

    def _put(self, item: Item | _End) -> None:
        while not self.stop.is_set():
            try:
                return self.waiting.put(item, timeout=0.1)
            except queue.Full:
                continue

    def take(self) -> Item | _End:
        """The next item; a `RuntimeError` where none can come."""
        while True:
            is_there = self.thread.is_alive()  # asked before: what it puts last is not missed
            try:
                return self.waiting.get(timeout=_CHECK_EVERY_SEC)
            except queue.Empty:
                if not is_there:
                    raise RuntimeError(
                        f"the thread {self.thread.name!r} that reads ahead is gone: a process that was forked cannot "
                        "go on with what its parent had begun to read; open it anew."
                    ) from None

    def end(self) -> None:
        """
        Ends the thread and waits for it. Ctrl-C or another signal meanwhile is raised afterwards: what the thread uses
        must not be closed before. (`Thread.join` alone may take a thread for dead after a signal.)
        """
        self.stop.set()
        if getattr(_collector, "is_running", False):
            return  # the thread may be this one, or wait for what this one holds
        signalled: BaseException | None = None
        while self.thread.is_alive() and not self.has_ended.is_set():  # in a forked process it is not alive
            try:
                self.has_ended.wait()
            except BaseException as error:
                signalled = error
        self.thread.join()
        if signalled is not None:
            raise signalled


def _end_all() -> None:
    """Ends threads whose items nobody will take: Python would cut them off inside of a library, which aborts then."""
    for maker in list(_running):  # outer ones first, which end those inside
        maker.end()


atexit.register(_end_all)
