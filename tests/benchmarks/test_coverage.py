"""How often the intervals cover the truth: a short form of the measurement, and the command."""

import pytest
from errors import raises_naming

from logoformer_hf.benchmarks import coverage
from logoformer_hf.benchmarks.coverage import Coverage, Table, measure_coverage


def test_the_intervals_cover_the_truth_as_often_as_they_say():
    tables = measure_coverage(repetitions=600, clips_per_class=(2, 20, 335))
    assert tables == measure_coverage(repetitions=600, clips_per_class=(2, 20, 335))
    # 600 test sets give a coverage of 93 % to within 3 points.
    assert {table.title: table.lowest for table in tables if table.lowest < 0.905} == {}
    assert all(cell.width > 0 for table in tables for _, cells in table.rows for cell in cells)
    widths = dict(tables[0].rows)
    assert widths["335"][4].width < 0.015 and widths["20"][0].width < 0.18  # no coverage by intervals that say nothing


def test_the_command_prints_the_tables_and_writes_them_into_a_page(tmp_path, monkeypatch, capsys):
    table = Table("A title:", "clips", ["recall 0.9"], [("2", [Coverage(0.954, 0.381)])])
    asked = []
    monkeypatch.setattr(coverage, "measure_coverage", lambda *arguments: asked.append(arguments) or [table])
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- coverage -->\nold\n<!-- end of coverage -->\nAfter\n")
    coverage.main(["--repetitions", "50", "--seed", "3", "--page", str(page)])
    printed, written = capsys.readouterr().out, page.read_text()
    assert asked == [(50, 3)]
    for text in (printed, written):
        assert "95.4 (38.1)" in text and "50 test sets" in text and "lowest is 95.4 %" in text
    assert written.startswith("Before") and written.endswith("After\n") and "old" not in written


def test_faulty_arguments_are_named(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        coverage.main(["--repetitions", "0"])
    assert "--repetitions is 0" in capsys.readouterr().err
    monkeypatch.setattr(
        coverage, "measure_coverage", lambda *arguments: [Table("A", "B", ["C"], [("D", [Coverage(1, 1)])])]
    )
    (tmp_path / "page.md").write_text("")
    with raises_naming(ValueError, tmp_path / "page.md", "coverage"):
        coverage.main(["--page", str(tmp_path / "page.md")])
