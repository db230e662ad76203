"""Two programs in one folder: real processes, the locked one killed."""

import errno
import os
import signal
import socket
import subprocess
import sys

import pytest
from errors import check_named, raises_naming
from processes import environment_with

from logoformer_hf.data.folder_lock import FolderInUseError, folder_lock

HOLD = """
import os, sys, time
from pathlib import Path
from logoformer_hf.data.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    child = os.fork()  # as a worker of a data loader, which lives on for some seconds after a kill
    if child:
        print(child, flush=True)
    time.sleep(600)
"""


def test_a_folder_is_locked_until_its_process_ends(tmp_path):
    """Also by SIGKILL, and while a process that was forked from it lives on."""
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, env=environment_with(), stdout=subprocess.PIPE, text=True) as holder:
        child = int(holder.stdout.readline())
        try:
            words = [folder, f"process {holder.pid}", socket.gethostname(), "output_dir"]
            with raises_naming(FolderInUseError, *words), folder_lock(folder):
                pass
            assert (folder / ".lock-holder.json").exists()
            holder.kill()
            holder.wait()
            os.kill(child, 0)  # still there
            with folder_lock(folder):
                assert f'"process": {os.getpid()}' in (folder / ".lock-holder.json").read_text()
        finally:
            os.kill(child, signal.SIGKILL)


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError), folder_lock(tmp_path):
        raise KeyError
    assert not (tmp_path / ".lock-holder.json").exists()
    with folder_lock(tmp_path):
        pass


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, caplog):
    def refuse(*arguments, **options):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with folder_lock(tmp_path):
        check_named(caplog.text, tmp_path, "No locks available")


def test_a_holder_that_cannot_be_read_is_another_process(tmp_path):
    with folder_lock(tmp_path):
        (tmp_path / ".lock-holder.json").write_text("")
        with raises_naming(FolderInUseError, tmp_path, "another process"), folder_lock(tmp_path):
            pass
