"""Keeps OpenCV's own warnings away from users for the time of one call."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """
    OpenCV logs fatal messages only while this is active; its level is put back afterwards.

    What it would log comes as an exception or a result, too, and is put into a sentence by the caller.
    """
    logging = cv2.utils.logging
    before = logging.setLogLevel(logging.LOG_LEVEL_FATAL)
    try:
        yield
    finally:
        logging.setLogLevel(before)
