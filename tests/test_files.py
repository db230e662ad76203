"""Files that are written whole or not at all, and where the package finds its own."""

import errno
import json
import os
import resource
from importlib import metadata
from pathlib import Path

import pytest
from errors import raises_naming
from paths import HUB_CARD, ROOT

from logoformer_hf import _files
from logoformer_hf._files import (
    check_writable,
    hub_card_file,
    licence_file,
    read_json,
    whole_file,
    write_json,
    write_text,
)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with whole_file(path) as partial:
        assert partial.parent == path.parent  # so that the renaming stays on one disk
        assert partial.name[0] == "." and partial.suffix == ".csv"
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_error_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(type(error)), whole_file(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_who_deletes_the_temporary_file_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with whole_file(path) as partial:
        partial.write_text("not wanted")
        partial.unlink()
    assert path.read_text() == "old"
    with whole_file(tmp_path / "none.csv"):
        pass
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_the_same_bytes_on_every_system(tmp_path):
    write_text(tmp_path / "a.md", "Größe\n± 1\r\n")
    assert (tmp_path / "a.md").read_bytes() == "Größe\n± 1\r\n".encode()


def test_json_is_read_again(tmp_path):
    value = {"name": "é", "list": [1, 2.5, None], "inner": {"a": True}}
    write_json(tmp_path / "new" / "a.json", value)
    text = (tmp_path / "new" / "a.json").read_text()
    assert json.loads(text) == value and text.endswith("}\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_json_is_read_from_files_alone(tmp_path):
    """To open a named pipe would wait until somebody writes."""
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", tmp_path):
        with raises_naming(ValueError, path):
            read_json(path)


def test_json_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", [1])
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == [1]


def test_a_folder_that_can_be_written_to_stays_as_it_is(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "not" / "there" / "yet")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_looked_for_from_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_writable("outputs/demo")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    asked = []

    def refuse(dir):
        asked.append(dir)
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(_files.tempfile, "TemporaryFile", refuse)
    with raises_naming(OSError, tmp_path / "outputs" / "demo", "Read-only file system"):
        check_writable(tmp_path / "outputs" / "demo")
    assert asked == [tmp_path]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "outputs").write_text("no folder")
    with raises_naming(OSError, tmp_path / "outputs"):
        check_writable(tmp_path / "outputs" / "demo")


def test_templates_are_found_in_a_checkout(monkeypatch, tmp_path):
    for name in ("model_card.md", "space", "space/examples/away-and-back.mp4"):
        assert hub_card_file(name) == HUB_CARD / name


def test_templates_of_a_wheel_are_inside_the_package(monkeypatch, tmp_path):
    package = tmp_path / "site-packages" / "logoformer_hf"
    (package / "hub_card").mkdir(parents=True)
    (package / "hub_card" / "model_card.md").touch()
    monkeypatch.setattr(_files, "_PACKAGE", package)
    assert hub_card_file("model_card.md") == package / "hub_card" / "model_card.md"


def test_a_template_that_is_not_there_is_named(monkeypatch, tmp_path):
    with raises_naming(FileNotFoundError, "hub_card/none.md", HUB_CARD.parent):
        hub_card_file("none.md")


def test_the_licence_of_a_checkout():
    assert licence_file() == ROOT / "LICENSE"


class FileOfADistribution(str):
    """As `importlib.metadata.PackagePath`."""

    @property
    def name(self) -> str:
        return Path(self).name

    def locate(self) -> str:
        return f"/site-packages/{self}"


def test_the_licence_of_an_installed_package(monkeypatch, tmp_path):
    (tmp_path / "LICENSE").touch()  # another package's, beside this one
    monkeypatch.setattr(_files, "_PACKAGE", tmp_path / "logoformer_hf")
    files = ["logoformer_hf/__init__.py", "logoformer_hf-0.2.0.dist-info/licenses/LICENSE"]
    monkeypatch.setattr(metadata, "files", lambda name: [FileOfADistribution(file) for file in files])
    assert licence_file() == Path("/site-packages/logoformer_hf-0.2.0.dist-info/licenses/LICENSE")


@pytest.mark.parametrize("installed", [True, False])
def test_a_licence_that_is_not_there_is_named(monkeypatch, tmp_path, installed):
    def files(name):
        if not installed:
            raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_files, "_PACKAGE", tmp_path / "logoformer_hf")
    monkeypatch.setattr(metadata, "files", files)
    with raises_naming(FileNotFoundError, "LICENSE", "logoformer-hf"):
        licence_file()


@pytest.fixture
def full_disk():
    """No file can grow, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_found_before_work_begins(tmp_path, full_disk):
    with raises_naming(OSError, tmp_path):
        check_writable(tmp_path)


def test_a_file_that_a_full_disk_has_no_room_for_is_named(tmp_path, full_disk):
    with raises_naming(OSError, tmp_path / "a.json"):
        write_json(tmp_path / "a.json", [1])
    assert list(tmp_path.iterdir()) == []
