"""Evaluation of predictions: the metric, intervals and tests, comparison of two models, report and pictures."""

from pathlib import Path

METRIC_FILE = Path(__file__).with_name("metrics.py")  # for `evaluate.load`
