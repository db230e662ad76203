"""The wheel that repositories on the Hub carry: pip installs it, and it holds the package as it is."""

import importlib.metadata
import os
import site
import sys
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from errors import raises_naming
from paths import HUB_CARD, ROOT
from processes import run_process

import logoformer_hf
from logoformer_hf.hub import wheel as module
from logoformer_hf.hub.wheel import build_wheel, write_wheel

NAME = f"logoformer_hf-{logoformer_hf.__version__}-py3-none-any.whl"
DIST_INFO = f"logoformer_hf-{logoformer_hf.__version__}.dist-info"
# Where the package is that runs, what its files contain, and the wheel that it writes of itself.
REST = """
import sys
import logoformer_hf
from logoformer_hf.hub.wheel import write_wheel

print(logoformer_hf.__file__)
print(write_wheel(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return write_wheel(tmp_path_factory.mktemp("wheel") / "new folder")


@pytest.fixture(scope="module")
def contents(wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """Python of an environment with the wheel, and with what it requires from this environment."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Without the checkout in Python's path, whose metadata would pass as the same version, installed already.
    pip = [sys.executable, "-m", "pip", "--python", python]
    run_process([*pip, "install", "--no-deps", "--no-index", wheel], PYTHONPATH="")
    [packages] = folder.rglob("site-packages")
    (packages / "required.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


def test_its_files_are_those_of_the_package(contents):
    package = {path: path.relative_to(ROOT) for path in (ROOT / "logoformer_hf").rglob("*") if path.is_file()}
    hub_card = {path: f"logoformer_hf/{path.relative_to(ROOT)}" for path in HUB_CARD.rglob("*") if path.is_file()}
    expected = {str(name): path for path, name in (package | hub_card).items() if "__pycache__" not in path.parts}
    assert {name for name in contents if not name.startswith(DIST_INFO)} == set(expected)
    for name, path in expected.items():
        assert contents[name] == path.read_bytes(), name


def test_its_metadata_are_those_of_the_installation(contents):
    own = Parser().parsestr(contents[f"{DIST_INFO}/METADATA"].decode())
    installed = importlib.metadata.metadata("logoformer-hf")
    assert own["Name"] == "logoformer-hf" and own["Version"] == logoformer_hf.__version__
    assert sorted(own.items()) == sorted((key, value) for key, value in installed.items() if key != "Description")
    assert contents[f"{DIST_INFO}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert "logoformer = logoformer_hf.cli:main" in contents[f"{DIST_INFO}/entry_points.txt"].decode()


def test_it_is_the_same_bytes_each_time(wheel):
    assert build_wheel() == (NAME, wheel.read_bytes())


def test_pip_installs_it_and_it_builds_itself_again(python, wheel, tmp_path):
    environment = {"PYTHONPATH": ""}
    logoformer = python.with_name("logoformer")
    assert "COMMAND" in run_process([logoformer, "--help"], cwd=tmp_path, **environment).stdout
    code, again = run_process([python, "-c", REST, tmp_path / "again"], cwd=tmp_path, **environment).stdout.split()
    assert Path(code).is_relative_to(python.parents[1])
    assert Path(again).read_bytes() == wheel.read_bytes()
    pip = [sys.executable, "-m", "pip", "--python", python]
    checked = run_process([*pip, "show", "--files", "logoformer-hf"], **environment).stdout
    assert "logoformer_hf/hub_card/handler.py" in checked and f"{DIST_INFO}/licenses/LICENSE" in checked


def test_metadata_of_another_version_are_refused(monkeypatch, tmp_path):
    (tmp_path / "__init__.py").write_text('__version__ = "7.0"\n')
    monkeypatch.setattr(module, "_PACKAGE", tmp_path)
    with raises_naming(OSError, tmp_path, "7.0", logoformer_hf.__version__):
        build_wheel()


def test_without_metadata_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(module, "_DISTRIBUTION", "logoformer-of-nobody")
    with raises_naming(OSError, "pip install -e", ROOT):
        build_wheel()
