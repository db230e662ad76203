"""The drawn expressions can be told apart, the hard ones better from their course than from one frame."""

import sys

from logoformer_hf.benchmarks import oracle
from logoformer_hf.benchmarks.oracle import oracle_accuracy


def test_plain_expressions_are_all_told_right():
    accuracies = oracle_accuracy(0.0, num_train=210, num_test=70)
    assert list(accuracies) == ["whole clip", "middle frame"]
    assert min(accuracies.values()) > 0.95
    assert accuracies == oracle_accuracy(0.0, num_train=210, num_test=70)


def test_of_hard_ones_the_course_says_more_than_a_frame():
    accuracies = oracle_accuracy(1.0, num_train=420, num_test=140)
    assert 0.3 < accuracies["middle frame"] < accuracies["whole clip"] - 0.05


def test_the_command_prints_a_line_for_each_difficulty(monkeypatch, capsys):
    monkeypatch.setattr(oracle, "oracle_accuracy", lambda difficulty: {"whole clip": 1 - difficulty / 4})
    monkeypatch.setattr(sys, "argv", ["oracle", "0", "0.5"])
    oracle.main()
    assert capsys.readouterr().out == "difficulty 0: whole clip 100.0%\ndifficulty 0.5: whole clip 87.5%\n"
