"""Ratios and exponents from the rounds of a measurement. A ratio is the median of the ratios of the rounds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .measuring import PEAK


def ratio(sec: Mapping[str, Sequence[float]], name: str, to: str) -> float:
    """How many times the seconds of `to` those of `name` are."""
    return statistics.median(a / b for a, b in zip(sec[name], sec[to], strict=True))


def median_ms(sec: Mapping[str, Sequence[float]], name: str) -> float:
    """Milliseconds, the median of the rounds."""
    return 1e3 * statistics.median(sec[name])


def share_of_peak(part: Mapping[str, Any], name: str, macs: float) -> float:
    """The share of the machine's own rate in matrix products that a run with so many multiply-adds reached, 0 to 1."""
    return share(part["sec"][name], part[PEAK], macs)


def share(sec: Sequence[float], peak_flops: Sequence[float], macs: float) -> float:
    """As `share_of_peak`, from the seconds and the machine's rates in the same rounds."""
    return statistics.median(2 * macs / each / peak for each, peak in zip(sec, peak_flops, strict=True))


def best_batch(by_batch: Mapping[str, float]) -> tuple[int, float]:
    """The batch with the most clips in a second, and how many."""
    size = max(by_batch, key=lambda each: by_batch[each])
    return int(size), by_batch[size]


def exponent(sizes: Sequence[float], sec: Sequence[float]) -> float:
    """The exponent p of `sec = a * sizes ** p`, by least squares on logarithms."""
    x, y = [math.log(each) for each in sizes], [math.log(each) for each in sec]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    products = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return products / sum((a - mean_x) ** 2 for a in x)


def by_tokens(part: Mapping[str, Any], kind: str) -> dict[int, float]:
    """Milliseconds by the number of tokens, of "local-global" or "joint" attention."""
    names = [name for name in part["sec"] if name.startswith(f"{kind}, ")]
    return {int(name.split(", ")[1]): median_ms(part["sec"], name) for name in names}
