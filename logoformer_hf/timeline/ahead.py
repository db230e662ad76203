"""Runs an iterator in a thread of its own, some items ahead of who takes them."""

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class _End:
    """No more items; the error that ended them."""

    error: BaseException | None = None


def ahead(
    items: Generator[Item, None, None], max_waiting: int, stop: threading.Event, name: str
) -> Generator[Item, None, None]:
    """
    The items of a generator that runs in a thread; an error in it is raised where the items are taken.

    Args:
        items: closed at the end, after an error, and when the taking is given up.
        max_waiting: items that may wait; then the thread waits, too.
        stop: is set when the taking is given up. A generator that works for long between two items looks at it.
        name: of the thread.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(max_waiting)

    def put(item: Item | _End) -> None:
        while not stop.is_set():
            try:
                return waiting.put(item, timeout=0.1)
            except queue.Full:
                continue

    def run() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    break
            items.close()
            put(_End())
        except BaseException as error:  # raised again where the items are taken
            put(_End(error))

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()
