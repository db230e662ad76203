"""Items that a thread makes ahead: their order, errors, and that no thread is left."""

import gc
import os
import signal
import threading
import time

import pytest
from processes import run_python

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


class Signalled(BaseException):
    """What the handler of a signal raises, as that of Ctrl-C does."""


def test_signals_while_the_thread_ends_are_raised_when_it_has_ended():
    """Ctrl-C twice: what the thread reads must not be closed before."""
    made: list = []
    is_closing, may_close = threading.Event(), threading.Event()

    def slow():
        try:
            yield from numbers(made)
        finally:
            is_closing.set()
            assert may_close.wait(60)

    items = ahead(slow(), 2, threading.Event(), "slow")
    next(items)

    def interrupt_twice():
        assert is_closing.wait(60)
        for _ in range(2):
            time.sleep(0.2)  # until it is waited for
            os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.2)
        may_close.set()

    def raise_it(number, frame):
        raise Signalled

    before = signal.signal(signal.SIGUSR1, raise_it)
    try:
        other = threading.Thread(target=interrupt_twice)
        other.start()
        with pytest.raises(Signalled):
            items.close()
        assert made[-1] == "closed" and not threads_called("slow")
    finally:
        other.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    "ending", ["", "raise SystemExit(0)", "import gc; gc.disable(); cycle = [items]; cycle.append(cycle)"]
)
def test_a_program_that_ends_before_the_items_do(ending):
    """Its threads would be cut off inside of OpenCV or FFmpeg, and the program would be aborted or wait forever."""
    code = """
import threading, time
from logoformer_hf.timeline.ahead import ahead

def numbers():
    try:
        for number in range(10**6):
            yield number
    finally:
        print("closed", flush=True)

def within():
    inner = ahead(numbers(), 2, threading.Event(), "inner")
    try:
        yield from inner
    finally:
        inner.close()

items = ahead(within(), 2, threading.Event(), "outer")
print(next(items))
"""
    assert run_python(code + ending).stdout == "0\nclosed\n"


@pytest.mark.parametrize("name", ["collected outer", "collected inner"])
def test_python_may_collect_the_items_in_any_thread(name):
    """Given up in a cycle of references, which is collected by the thread itself or by one that it waits for."""
    made: list = []
    may_collect, is_collected = threading.Event(), threading.Event()

    def collecting(items):
        try:
            for number in items:
                yield number
                if threading.current_thread().name == name and may_collect.wait(60):
                    gc.collect()
                    is_collected.set()
        finally:
            items.close()

    def within():
        yield from collecting(ahead(collecting(numbers(made)), 1, threading.Event(), "collected inner"))

    items = ahead(within(), 1, threading.Event(), "collected outer")
    next(items)
    gc.disable()
    try:
        cycle = [items]
        cycle.append(cycle)
        del items, cycle
        may_collect.set()
        assert is_collected.wait(60)
    finally:
        gc.enable()
    deadline = time.monotonic() + 60
    while (threads_called("collected outer") or threads_called("collected inner")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert made[-1] == "closed" and not threads_called("collected outer") and not threads_called("collected inner")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_cannot_take_what_its_parent_takes(monkeypatch):
    monkeypatch.setattr("logoformer_hf.timeline.ahead._CHECK_EVERY_SEC", 0.05)
    items = ahead(numbers([]), 3, threading.Event(), "parent's")
    next(items)
    child = os.fork()
    if child == 0:
        try:
            list(items)
        except RuntimeError as error:
            os._exit(42 if "parent's" in str(error) and "fork" in str(error) else 1)
        os._exit(2)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    if ended[0] == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    items.close()
    assert ended[0] and os.waitstatus_to_exitcode(ended[1]) == 42


def test_what_is_collected_by_who_holds_a_lock_is_not_waited_for():
    """The thread waits for this lock, so that who has it cannot wait for the thread."""
    lock, is_waiting, name = threading.Lock(), threading.Event(), "collected with a lock"

    def items():
        yield 1
        is_waiting.set()
        with lock:
            yield 2

    cycle: list = [ahead(items(), 1, threading.Event(), name)]
    cycle.append(cycle)
    with lock:
        assert next(cycle[0]) == 1
        assert is_waiting.wait(60)
        del cycle
        gc.collect()
    deadline = time.monotonic() + 60
    while threads_called(name) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not threads_called(name)
