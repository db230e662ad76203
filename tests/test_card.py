"""The model card: metadata the Hub can read, every number in its place, nothing left of the template."""

import ast
import re
from pathlib import Path

import jinja2
import jinja2.meta
import pytest
import yaml
from huggingface_hub import ModelCard

from logoformer_hf.card import write_model_card

TEMPLATE = Path(__file__).parents[1] / "hub_card" / "model_card.md"
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


def write(path, results=RESULTS, **changes) -> str:
    arguments = {
        "model_name": "someone/logoformer-dfew",
        "dataset_name": "DFEW, fold 1",
        "label_names": ["happy", "sad", "fear"],
        "clips_per_split": {"train": 20, "validation": 5, "test": 6},
        "selection": "the one with the best UAR on the validation clips",
        "training": {"epochs": 100, "learning rate": 0.01, "loss": "cross-entropy + 0.1 · compact loss"},
    }
    write_model_card(path, TEMPLATE, results=results, **(arguments | changes))
    return path.read_text(encoding="utf-8")


def test_metadata_is_what_the_hub_reads(tmp_path):
    content = write(tmp_path / "README.md")
    assert yaml.safe_load(content.split("---\n")[1]) == {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": "video-classification",
        "tags": ["facial-expression-recognition", "logoformer"],
        "metrics": ["recall", "accuracy", "f1"],
        "model-index": [
            {
                "name": "someone/logoformer-dfew",
                "results": [
                    {
                        "task": {"type": "video-classification", "name": "Facial expression recognition in video"},
                        "dataset": {"type": "dfew-fold-1", "name": "DFEW, fold 1", "split": "test"},
                        "metrics": [
                            {"type": "recall", "value": 0.625, "name": "UAR (mean of per-class recalls)"},
                            {"type": "accuracy", "value": 0.6667, "name": "WAR (accuracy)"},
                            {"type": "f1", "value": 0.619, "name": "macro F1"},
                        ],
                    }
                ],
            }
        ],
    }
    data = ModelCard(content).data
    assert data.model_name == "someone/logoformer-dfew"
    assert {result.metric_name: result.metric_value for result in data.eval_results}["WAR (accuracy)"] == 0.6667


def test_numbers_pictures_and_settings_are_in_the_text(tmp_path):
    lines = write(tmp_path / "README.md").splitlines()
    for line in (
        "| train | 20 |",
        "| validation | 5 |",
        "| **UAR** | **62.50** |",
        "| **WAR** | **66.67** |",
        "| macro F1 | 61.90 |",
        "| happy | 4 | 75.00 |",
        "| sad | 2 | 50.00 |",
        "| fear | 0 | not measured |",
        "The test split has no clip of fear: UAR and macro F1 are means over the other expressions.",
        "| learning rate | 0.01 |",
        "| loss | cross-entropy + 0.1 · compact loss |",
    ):
        assert line in lines
    text = "\n".join(lines)
    assert re.findall(r"!\[.+\]\((.+)\)", text) == ["confusion_matrix.png", "training_curves.png"]
    assert "best UAR on the validation clips" in text
    assert "not an emotion" in text


@pytest.mark.parametrize("synthetic", [True, False])
@pytest.mark.parametrize("empty", [["fear"], []])
def test_nothing_is_left_of_the_template(tmp_path, synthetic, empty):
    content = write(tmp_path / "README.md", {**RESULTS, "test_empty_classes": empty}, synthetic=synthetic)
    text = re.sub(r"```python.*?```", "", content, flags=re.DOTALL)  # an f-string has braces of its own
    assert not re.search(r"\{\{|\}\}|\{%|%\}|\bNone\b|Undefined", text)
    assert not re.search(r"\| *\|", content)  # a cell without a value
    assert "\n\n\n" not in content
    assert not re.search(r"\|\n\n\|(?!.*\n\| ---)", content)  # an empty line would cut a table in two
    assert ("no clip of" in content) == bool(empty)


def test_every_variable_of_the_template_is_filled(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(ModelCard, "from_template", lambda data, **variables: given.update(variables) or ModelCard(""))
    write(tmp_path / "README.md")
    wanted = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(TEMPLATE.read_text(encoding="utf-8")))
    assert wanted - {"card_data"} <= set(given)


def test_card_of_a_model_of_drawn_faces_says_so(tmp_path):
    assert "no use for real faces" in write(tmp_path / "drawn.md", synthetic=True)
    assert "drawn" not in write(tmp_path / "real.md")


def test_snippet_is_python_and_loads_this_model(tmp_path):
    snippet = re.search(r"```python\n(.*?)```", write(tmp_path / "README.md"), flags=re.DOTALL).group(1)
    ast.parse(snippet)
    assert "import logoformer_hf" in snippet
    assert snippet.count('from_pretrained("someone/logoformer-dfew")') == 2


@pytest.mark.parametrize("key", [key for key in RESULTS if key != "test_runtime"])
def test_missing_result_is_named(tmp_path, key):
    with pytest.raises(ValueError, match=f"the results lack {key};"):
        write(tmp_path / "README.md", {name: value for name, value in RESULTS.items() if name != key})
    assert not (tmp_path / "README.md").exists()


def test_recalls_of_other_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['happy', 'sad', 'fear'\], label_names are \['sad', 'happy', 'fear'\]"):
        write(tmp_path / "README.md", label_names=["sad", "happy", "fear"])
