"""The short form of the attacks, and the command."""

import json
import signal

import datasets
import pytest
from errors import check_named, raises_naming

from logoformer_hf.benchmarks.reliability import __main__ as command
from logoformer_hf.benchmarks.reliability.cases import FAULTS, HANG, RIGHT, Case, Kind, Tally, Workshop
from logoformer_hf.benchmarks.reliability.kills import kill_cases
from logoformer_hf.benchmarks.reliability.kinds import KINDS
from logoformer_hf.benchmarks.reliability.small_run import SmallRuns


def check_short_form(folder, kinds):
    """Attacks of these kinds find no crash, no hang and no silent loss."""
    assert command.main(["--short", "--output_dir", str(folder), "--only", *kinds]) == 0
    records = json.loads((folder / "reliability.json").read_text())["records"]
    assert {record["kind"] for record in records} == set(kinds)
    assert [note for record in records for note in record["notes"]] == []
    assert all(sum(record["counts"].values()) > 0 for record in records)


def test_faulty_lists_and_intervals(tmp_path, capsys):
    check_short_form(tmp_path, ["lists", "intervals"])
    check_named(capsys.readouterr().out, *(kind.title for kind in KINDS if kind.name in ("lists", "intervals")))


def test_a_kill_while_a_checkpoint_is_written_changes_no_bit(tmp_path):
    """One of the short form's kills; the others are slow."""
    for case in kill_cases(Workshop(SmallRuns(tmp_path), is_short=True)):
        if case.group == "0 workers: SIGKILL while a checkpoint is written":
            assert case.attempt().counts == {RIGHT: 1}


@pytest.mark.slow
def test_damaged_files_full_disks_mutated_inputs_and_kills_with_workers_and_two_ranks(tmp_path):
    check_short_form(tmp_path, ["kills", "damage", "disk", "mutated"])


@pytest.fixture
def tried(monkeypatch):
    """Kinds of two cases, the second of which hangs; the names of the cases that were tried."""
    names = []

    def attempt(name, verdict):
        names.append(name)
        return Tally.of(verdict, f"note on {name}")

    def cases(workshop):
        for name, verdict in (("seed 0", RIGHT), ("seed 1", HANG)):
            yield Case("a group", name, lambda name=name, verdict=verdict: attempt(name, verdict))

    monkeypatch.setattr(command, "KINDS", (Kind("kind", "A title", "What is done.", cases),))
    return names


def run(folder, *arguments):
    page, results = folder / "page.md", folder / "results.json"
    page.write_text("Before\n<!-- reliability -->\nold\n<!-- end of reliability -->\nAfter\n")
    number = command.main(["--results", str(results), "--page", str(page), "--output_dir", str(folder), *arguments])
    return number, page.read_text()


def test_cases_are_tried_once_and_faults_are_told(tried, tmp_path):
    before = datasets.are_progress_bars_disabled(), signal.getsignal(signal.SIGINT)
    number, page = run(tmp_path)
    assert number == 1 and tried == ["seed 0", "seed 1"]
    check_named(page, "Before", "After", "## A title", "What is done.", "| a group |", "note on seed 1", *FAULTS)
    assert "note on seed 0" not in page and "old" not in page
    assert run(tmp_path) == (1, page) and len(tried) == 2
    assert (datasets.are_progress_bars_disabled(), signal.getsignal(signal.SIGINT)) == before
    file = tmp_path / "results.json"
    file.write_text(file.read_text().replace("seed 1", "seed 9"))
    run(tmp_path)
    assert tried == ["seed 0", "seed 1", "seed 1"]


def test_no_case_begins_after_the_time(tried, tmp_path):
    number, page = run(tmp_path, "--minutes", "0")
    assert (number, tried) == (0, []) and "old" in page


def test_results_of_another_machine_or_of_something_else_are_refused(tried, tmp_path):
    run(tmp_path)
    file = tmp_path / "results.json"
    file.write_text(file.read_text().replace("Python", "Cobra"))
    with raises_naming(ValueError, file, "Cobra"):
        run(tmp_path)
    file.write_text("[]")
    with raises_naming(ValueError, file):
        run(tmp_path)
