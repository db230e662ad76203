"""The page of the command line is the one that the parsers give, as far as it does not depend on transformers."""

import re
import sys

import pytest
import transformers
import write_command_line
from paths import DOCS
from write_command_line import command_line_page, main

PAGE = (DOCS / "command_line.md").read_text()


def without_options_of_transformers(page: str) -> str:
    return re.sub(r"### training: other options of transformers.*?(?=\n## )", "", page, flags=re.DOTALL)


def test_the_page_in_docs_is_up_to_date():
    written = without_options_of_transformers(command_line_page())
    assert written == without_options_of_transformers(PAGE), "write the page anew"
    if f"transformers {transformers.__version__}\n" in PAGE:
        assert command_line_page() == PAGE


def test_every_option_stands_there_once_with_its_default():
    of_clips, training = PAGE.split("## logoformer train\n")
    assert "| `--view_difficulty` | - | faces |" in of_clips
    assert "| `--fold` | - | dfew, mafw, crema_d, ravdess, prepared |" in of_clips
    assert "| `--compact_loss_weight` | `0.1` |" in training and "`--adam_beta1` (`0.9`)" in training
    assert "| `--load_best_model_at_end` | `True` |" in training
    assert "| `--dataloader_persistent_workers` | `True` |" in training
    assert "| `--dataloader_pin_memory` | by the machine |" in training
    assert "| `--model` | needed |" in training and "`--data_dir`" not in training
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE):
        options = re.findall(r"`(--\w+)` (?:\||\()", section)
        assert len(options) == len(set(options))


def test_the_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["write_command_line.py", str(tmp_path / "page.md")])
    main()
    assert (tmp_path / "page.md").read_text() == command_line_page()
    monkeypatch.setattr(sys, "argv", ["write_command_line.py"])
    with pytest.raises(SystemExit):
        write_command_line.main()
