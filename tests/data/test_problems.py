"""Clips that cannot be used: in a message, and in a file."""

import csv
import pickle
from dataclasses import astuple

from errors import check_named

from logoformer_hf.data.problems import ClipProblems, Problem, name_some, read_problems, write_problems

PROBLEM = Problem("02522", "/data/02522", 'frame "1.jpg", empty')


def test_many_names_are_cut():
    assert name_some("ab") == "a, b"
    assert name_some("abcdefghij") == "a, b, c, d, e, f, g, h, i, j"
    many = name_some("abcdefghijkl")
    assert many.startswith("a, b, c, d, e, f, g, h, i, j") and "k" not in many and "2" in many
    check_named(name_some(["a"] * 2010), "2,000")


def test_what_is_written_is_read_again(tmp_path):
    file = tmp_path / "problems.csv"
    write_problems([PROBLEM], file)
    with file.open(newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["clip", "path", "reason"],
            list(astuple(PROBLEM)),
        ]
    assert read_problems(file) == [PROBLEM]
    write_problems([], file)
    assert file.read_text().splitlines() == ["clip,path,reason"]
    assert read_problems(file) == []


def test_no_file_is_no_problems(tmp_path):
    assert read_problems(tmp_path / "none.csv") == []


def test_the_message_has_the_first_ones_and_the_error_all():
    problems = [Problem(f"clip{number:02d}", f"/data/{number}", f"fault {number}") for number in range(12)]
    error = ClipProblems(problems, 1500, "Try this.")
    assert isinstance(error, ValueError) and error.problems == problems
    message = str(error)
    check_named(message, "12 of 1,500", "clip00: fault 0 (/data/0)", "clip09: fault 9 (/data/9)", "2", "Try this.")
    assert "clip10" not in message


def test_problems_can_be_compared_and_sent_to_another_process():
    assert pickle.loads(pickle.dumps(PROBLEM)) == PROBLEM
