"""How attempts inside one process are judged."""

import json
import signal
import time

import pytest

from logoformer_hf.benchmarks.reliability.attempts import attempt
from logoformer_hf.benchmarks.reliability.cases import CRASH, HANG, LOSS, RIGHT, TOLD, Tally


def fail(error: Exception):
    raise error


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (lambda: 1, RIGHT),
        (lambda: 2, LOSS),
        (lambda: fail(ValueError("a.csv: no clips")), TOLD),
        (lambda: fail(FileNotFoundError(2, "gone", "a.csv")), TOLD),
        (lambda: fail(ValueError("something")), CRASH),
        (lambda: fail(ValueError("a.csv: " + "9" * 5000)), CRASH),
        (lambda: fail(KeyError("a.csv")), CRASH),
        (lambda: json.loads("{"), CRASH),
        (lambda: time.sleep(9), HANG),
    ],
)
def test_every_end_has_its_verdict(read, verdict):
    tally, usual = Tally(), signal.getsignal(signal.SIGALRM)
    attempt(tally, "this list", read, lambda result: result == 1, ["a.csv"], seconds=0.05)
    assert tally.counts == {verdict: 1}
    assert len(tally.notes) == (verdict not in (RIGHT, TOLD)) and all("this list" in note for note in tally.notes)
    assert signal.getsignal(signal.SIGALRM) == usual and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_verdict_that_is_none_is_refused():
    with pytest.raises(ValueError, match="as undisturbed"):
        Tally.of("fine")
