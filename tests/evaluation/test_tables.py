"""Tables and numbers as they are printed."""

from logoformer_hf.evaluation.significance import Estimate
from logoformer_hf.evaluation.tables import interval, markdown_table, percent, points


def test_columns_are_aligned():
    assert markdown_table(["", "UAR"], [["STT (2022)", "54.58"], ["x", "9.00"]]).splitlines() == [
        "|            |   UAR |",
        "| ---------- | ----: |",
        "| STT (2022) | 54.58 |",
        "| x          |  9.00 |",
    ]


def test_numbers():
    assert (percent(0.54214), percent(None), percent(1)) == ("54.21", "-", "100.00")
    assert (points(0.0312), points(-0.2), points(None)) == ("+3.12", "-20.00", "-")
    assert (interval(Estimate(0.5, 0.41236, 0.6)), interval(None)) == ("41.24 to 60.00", "-")
