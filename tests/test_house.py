"""What keeps the house in order: sizes of modules and functions, versions, the tables of files."""

import ast
import fnmatch
import re
from pathlib import Path

import pytest
import yaml
from paths import DOCS, ROOT, TESTS
from processes import launch, run_python

import logoformer_hf
from logoformer_hf.training.output_files import OUTPUT_FILES

MODULES = sorted([*(ROOT / "logoformer_hf").rglob("*.py"), *(ROOT / "hub_card").rglob("*.py"), *DOCS.glob("*.py")])
MAX_MODULE_LINES, MAX_FUNCTION_LINES, MAX_SCRIPT_LINES = 500, 60, 60


def code_lines(function: ast.FunctionDef, source: list[str]) -> int:
    """Lines of a function without its docstring, comments and blank lines."""
    lines = range(function.lineno, function.end_lineno + 1)
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines = [number for number in lines if not docstring.lineno <= number <= docstring.end_lineno]
    texts = [source[number - 1].strip() for number in lines]
    return sum(bool(text) and not text.startswith("#") for text in texts)


def test_no_module_is_too_long():
    long = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in MODULES
        if path.name != "modeling_logoformer.py"  # one file a model, as in transformers
    }
    assert {name: lines for name, lines in long.items() if lines > MAX_MODULE_LINES} == {}


def test_no_function_is_too_long():
    long = {}
    for path in MODULES:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                long[f"{path.name}: {node.name}"] = code_lines(node, text.splitlines())
    assert {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


def test_the_script_is_one_page():
    assert len((ROOT / "train_hf.py").read_text().splitlines()) <= MAX_SCRIPT_LINES


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == logoformer_hf.__version__
    newest = re.search(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest and newest[1] == logoformer_hf.__version__


def test_everything_that_is_public_can_be_imported():
    for name in logoformer_hf.__all__:
        assert getattr(logoformer_hf, name) is not None
    assert set(logoformer_hf.__all__) <= set(dir(logoformer_hf))
    with pytest.raises(AttributeError, match="LogoFormerTrainr"):
        _ = logoformer_hf.LogoFormerTrainr


def test_every_output_file_stands_in_the_table_and_in_the_documentation():
    page = (DOCS / "outputs.md").read_text()
    missing = [file.pattern for file in OUTPUT_FILES if file.pattern not in page]
    assert missing == []
    patterns = [file.pattern.rstrip("/") for file in OUTPUT_FILES]
    for path in (TESTS / "before_the_move" / "run").iterdir():
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns), path.name


def test_only_what_may_leave_is_published():
    published = {file.pattern for file in OUTPUT_FILES if file.is_published}
    assert {"model.safetensors", "README.md", "report.json", "video_reading_logoformer.py"} <= published
    assert published.isdisjoint({"run.json", "predictions.parquet", "problems.csv", "checkpoint-*/"})


@pytest.mark.parametrize("start", [run_python, lambda code, cwd: launch(1, cwd / "said.py", cwd=cwd)])
def test_processes_that_tests_start_import_this_checkout(start, tmp_path):
    code = "import logoformer_hf; print(logoformer_hf.__file__)"
    (tmp_path / "said.py").write_text(code)
    assert start(code, cwd=tmp_path).stdout.splitlines()[-1] == logoformer_hf.__file__
    assert Path(logoformer_hf.__file__).is_relative_to(ROOT)
