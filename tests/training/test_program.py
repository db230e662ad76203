"""The program `train_hf.py`: how it ends."""

import pytest

from logoformer_hf.data.workers import errors_of_workers
from logoformer_hf.training import program


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("no fold 6"), 2, "no fold 6\n"),
        (OSError("no room"), 2, "no room\n"),
        (KeyboardInterrupt(), 130, "Interrupted; the same command goes on from the newest checkpoint.\n"),
    ],
)
def test_what_ends_it_is_a_sentence_and_a_status(monkeypatch, capsys, error, status, said):
    def fail():
        raise error

    monkeypatch.setattr(program, "main", fail)
    with pytest.raises(SystemExit) as ended:
        program.run()
    assert ended.value.code == status and capsys.readouterr().err == said


def test_the_end_of_a_worker_by_ctrl_c_is_told_as_ctrl_c(monkeypatch, capsys):
    """torch's handler for the end of a child can come between Ctrl-C and the end of the program."""

    def fail():
        with errors_of_workers("Give the same command again."):
            try:
                raise KeyboardInterrupt
            finally:
                try:
                    raise RuntimeError("DataLoader worker (pid 7) exited unexpectedly with exit code 1.")
                except RuntimeError as error:
                    raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly") from error

    monkeypatch.setattr(program, "main", fail)
    with pytest.raises(SystemExit) as ended:
        program.run()
    assert ended.value.code == 130 and capsys.readouterr().err.startswith("Interrupted; the same command goes on")
