import threading
import time

import pytest

from logoformer_hf.timeline.ahead import ahead


def numbers(taken: list, most: int = 10**6, error: BaseException | None = None):
    try:
        for number in range(most):
            taken.append(number)
            yield number
        if error is not None:
            raise error
    finally:
        taken.append("closed")


def threads_called(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_all_items_come_in_their_order_from_another_thread():
    names = []

    def items():
        for number in range(100):
            names.append(threading.current_thread().name)
            yield number

    assert list(ahead(items(), 3, threading.Event(), "worker of the test")) == list(range(100))
    assert set(names) == {"worker of the test"}
    assert not threads_called("worker of the test")


def test_no_more_items_are_made_than_may_wait():
    made: list = []
    items = ahead(numbers(made), 3, threading.Event(), "waiting")
    assert next(items) == 0
    time.sleep(0.3)
    assert len(made) <= 5  # one taken, three that wait, one in the hand of the thread
    items.close()
    assert made[-1] == "closed" and not threads_called("waiting")


def test_an_error_comes_after_the_items_before_it():
    made: list = []
    items = ahead(numbers(made, 3, OSError("the disk is gone")), 10, threading.Event(), "error")
    assert [next(items), next(items), next(items)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(items)
    assert not threads_called("error")


def test_one_inside_another_ends_with_it():
    made: list = []
    inner = ahead(numbers(made), 2, threading.Event(), "inner")

    def doubled():
        try:
            for number in inner:
                yield 2 * number
        finally:
            inner.close()

    stop = threading.Event()
    outer = ahead(doubled(), 2, stop, "outer")
    assert [next(outer), next(outer)] == [0, 2]
    outer.close()
    assert stop.is_set() and made[-1] == "closed"
    assert not threads_called("inner") and not threads_called("outer")
