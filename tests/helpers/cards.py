"""Cards with made-up numbers, and what every card is checked for."""

import re
from pathlib import Path

import jinja2
import jinja2.meta
import yaml
from huggingface_hub import ModelCard
from paths import HUB_CARD
from toys import data_facts, run_info

from logoformer_hf import LogoFormerConfig
from logoformer_hf.hub.dataset_card import write_dataset_card
from logoformer_hf.hub.model_card import write_model_card

LABELS = ["happy", "sad", "fear"]
RESULTS = {
    "test_uar": 0.625,
    "test_war": 2 / 3,
    "test_macro_f1": 0.61904,
    "test_recall": {"happy": 0.75, "sad": 0.5, "fear": None},
    "test_confusion_matrix": [[3, 1, 0], [1, 1, 0], [0, 0, 0]],
    "test_num_clips": 6,
    "test_empty_classes": ["fear"],
    "test_runtime": 1.0,
}
FULL_RESULTS = RESULTS | {
    "test_recall": {"happy": 0.75, "sad": 0.5, "fear": 0.0},
    "test_confusion_matrix": [[3, 1, 0], [1, 1, 0], [0, 1000, 0]],
    "test_num_clips": 1006,
    "test_empty_classes": [],
}
CALIBRATION = {
    "score_temperature": 1.75,
    "test_ece": 0.21234,
    "test_nll": 1.23456,
    "test_brier": 0.71234,
    "test_mean_score": 0.87904,
    "test_ece_calibrated": 0.04321,
    "test_nll_calibrated": 0.98765,
    "test_brier_calibrated": 0.61234,
    "test_mean_score_calibrated": 0.69876,
}
UNCALIBRATED = {name: None if name == "score_temperature" else value for name, value in list(CALIBRATION.items())[:5]}
RUN = {"label_names": LABELS, "seed": 7, "model": "LOGO-Former base", "fold": 3, "num_folds": 5}
FACES = {"dataset": "faces", "dataset_name": "drawn faces of logoformer-hf", "fold": None, "num_folds": None}
FERV39K = FACES | {"dataset": "ferv39k", "dataset_name": "FERV39K"}
CLIPS = FACES | {"dataset": "clips", "dataset_name": "clips of the author"}


def model_card(path: Path, results=RESULTS, run=(), **changes) -> str:
    """Writes the card of a run on fold 3 of DFEW, with changes to the facts of the run and to the arguments."""
    arguments = {
        "model_name": "someone/logoformer-dfew",
        "config": LogoFormerConfig.tiny(),
        "run": run_info(**RUN | dict(run)),
        "clips_per_split": {"train": 9000, "validation": 5, "test": 6},
        "training": {"epochs": 100, "learning rate": 0.01, "loss": "cross-entropy + 0.1 · compact loss"},
    }
    write_model_card(path, results=results, **(arguments | changes))
    return path.read_text(encoding="utf-8")


def dataset_card(path: Path, dataset: str = "dfew", dataset_name: str = "DFEW", **changes) -> str:
    """Writes the card of prepared shards of DFEW, with changes to the arguments."""
    arguments = {
        "repo_name": "someone/dfew",
        "facts": data_facts(dataset, dataset_name),
        "clips_per_split": {"train": 9356, "test": 2341},
        "label_names": LABELS,
        "frame_size": "128 pixels on the shorter side",
        "extra_columns": {"fold": "fold that tests the clip"},
    }
    write_dataset_card(path, **(arguments | changes))
    return path.read_text(encoding="utf-8")


def metadata(content: str) -> dict:
    return yaml.safe_load(content.split("---\n")[1])


def rows(content: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [re.split(r" *\| *", line.strip("| ")) for line in content.splitlines() if line.startswith("|")]


def snippets(content: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", content, flags=re.DOTALL)


def check_markdown(content: str) -> None:
    """Nothing of the template is left, and tables, headings and blank lines are as Markdown wants them."""
    text = re.sub(r"```python.*?```", "", content, flags=re.DOTALL)  # an f-string has braces of its own
    assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|Undefined", text)
    assert not re.search(r"\| *\|", content)  # a cell without a value
    assert "\n\n\n" not in content and content.endswith("\n") and not content.endswith("\n\n")
    assert not re.search(r"[ \t]\n", content)
    lines = ["", *content.splitlines(), ""]
    for number, line in enumerate(lines):
        if line.startswith("| -"):  # a table begins one line before this one: nothing may touch it
            end = next(below for below in range(number, len(lines)) if not lines[below].startswith("|"))
            assert lines[number - 2] == lines[end] == ""
            assert len({row.count("|") for row in lines[number - 1 : end]}) == 1
            assert end > number + 1
        if line.startswith("#"):
            assert "```" in content[: content.index(line)] or lines[number - 1] == lines[number + 1] == ""


def check_variables(monkeypatch, card_class: type, template: str, write) -> None:
    """The template gets all variables that it names, and no others."""
    given = {}
    monkeypatch.setattr(
        card_class, "from_template", lambda data, **variables: given.update(variables) or ModelCard("")
    )
    write()
    assert Path(given.pop("template_path", HUB_CARD / template)) == HUB_CARD / template
    source = (HUB_CARD / template).read_text(encoding="utf-8")
    wanted = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(source))
    assert wanted - {"card_data"} == set(given)
