"""The program `train_hf.py`: how it ends."""

import pytest

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
