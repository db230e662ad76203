"""How much work a call does, in executed lines: the same on every machine, however busy."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from paths import ROOT

_PACKAGE = str(ROOT / "logoformer_hf")


def executed_lines(call: Callable[[], object]) -> int:
    """How many lines of the package a call executes, comprehensions and generators included."""
    number = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal number
        number += event in ("line", "call")
        return count

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return count(frame, event, argument) if frame.f_code.co_filename.startswith(_PACKAGE) else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        call()
    finally:
        sys.settrace(before)
    return number
