"""Tasks in processes: each once, in turn, and the end of a process is the end of its task only."""

import os
import signal
import time

import pytest
import worker_tasks
from processes import TIMEOUT_SEC

from logoformer_hf.timeline.workers import run_tasks


def results(tasks, num_processes):
    """Every message but its order, which depends on the processes."""
    messages = run_tasks(worker_tasks.start, "setup", tasks, num_processes)
    return {(message.task, message.kind): message.value for message in messages}


def test_every_task_is_done_once_by_a_process_that_is_set_up():
    found = results([("echo", number) for number in range(5)], 2)
    assert len(found) == 5
    for (task, kind), (number, setup, value) in found.items():
        assert kind == "done" and value == task[1] and setup == "setup" and number in (0, 1)


@pytest.mark.slow
def test_processes_work_at_the_same_time(tmp_path):
    file = str(tmp_path / "written")
    found = results([("wait for", file), ("write", file)], 2)
    assert {number for number, _, _ in found.values()} == {0, 1}


def test_what_a_task_reports_arrives_before_its_result():
    messages = list(run_tasks(worker_tasks.start, None, [("report", 7.5)], 4))
    assert [(message.kind, message.value) for message in messages] == [("progress", 7.5), ("done", (0, None, 7.5))]


@pytest.mark.parametrize("num_processes", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_process_that_is_killed_loses_its_task_only(num_processes):
    found = results([("kill", 0), ("echo", 1), ("exit", 3), ("echo", 2), ("kill", 3), ("echo", 4)], num_processes)
    assert {task for task, kind in found if kind == "done"} == {("echo", 1), ("echo", 2), ("echo", 4)}
    assert "SIGKILL" in found[("kill", 0), "lost"] and "SIGKILL" in found[("kill", 3), "lost"]
    assert "status 3" in found[("exit", 3), "lost"] and len(found) == 6


@pytest.mark.slow
def test_who_stops_listening_ends_the_processes(tmp_path):
    file = tmp_path / "pid"
    messages = run_tasks(worker_tasks.start, None, [("echo", 1), ("sleep", str(file))], 2)
    assert next(messages).task == ("echo", 1)
    deadline = time.monotonic() + TIMEOUT_SEC
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    messages.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), signal.SIGTERM)
    assert file.with_suffix(".cleaned").exists()  # it ended as after an exception


def test_no_tasks_start_no_process():
    assert list(run_tasks(worker_tasks.start, None, [], 3)) == []
