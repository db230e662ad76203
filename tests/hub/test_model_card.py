"""The cards: metadata the Hub can read, every number in its place, snippets that run, nothing left of the template."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import jinja2.meta
import pytest
import yaml
from datasets import Dataset, Features, Image, List
from huggingface_hub import DatasetCard, ModelCard
from paths import HUB_CARD
from PIL import Image as PILImage
from stranger import run_as_stranger

from logoformer_hf import LogoFormerConfig, LogoFormerForVideoClassification, LogoFormerVideoProcessor
from logoformer_hf.data.rows import clip_features
from logoformer_hf.evaluation.predictions import RunInfo
from logoformer_hf.hub.cards import hub_repo, rename_card
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
FULL = RESULTS | {
    "test_recall": {"happy": 0.75, "sad": 0.5, "fear": 0.0},
    "test_confusion_matrix": [[3, 1, 0], [1, 1, 0], [0, 1000, 0]],
    "test_num_clips": 1006,
    "test_empty_classes": [],
}
RUN = {"label_names": LABELS, "dataset": "dfew", "dataset_name": "DFEW", "seed": 7, "selection": "validation"}
FOLD = {"model": "LOGO-Former base", "fold": 3, "num_folds": 5}
FACES = {"dataset": "faces", "dataset_name": "drawn faces of logoformer-hf", "fold": None, "num_folds": None}
FERV39K = FACES | {"dataset": "ferv39k", "dataset_name": "FERV39K"}
CLIPS = FACES | {"dataset": "clips", "dataset_name": "clips of the author"}


def write_model(path: Path, results=RESULTS, run=(), **changes) -> str:
    arguments = {
        "model_name": "someone/logoformer-dfew",
        "config": LogoFormerConfig.tiny(),
        "run": RunInfo(**RUN | FOLD | dict(run)),
        "clips_per_split": {"train": 9000, "validation": 5, "test": 6},
        "training": {"epochs": 100, "learning rate": 0.01, "loss": "cross-entropy + 0.1 · compact loss"},
    }
    write_model_card(path, results=results, **(arguments | changes))
    return path.read_text(encoding="utf-8")


def write_data(path: Path, **changes) -> str:
    arguments = {
        "repo_name": "someone/dfew",
        "dataset": "dfew",
        "dataset_name": "DFEW",
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


class TestModelCard:
    def test_metadata_is_what_the_hub_reads(self, tmp_path):
        content = write_model(tmp_path / "README.md", example_videos=["examples/happy.mp4"])
        assert metadata(content) == {
            "license": "other",
            "license_name": "dfew-non-commercial-research",
            "license_link": "https://dfew-dataset.github.io/download.html",
            "library_name": "transformers",
            "pipeline_tag": "video-classification",
            "tags": ["facial-expression-recognition", "logoformer", "dfew"],
            "metrics": ["recall", "accuracy", "f1"],
            "widget": [{"src": "examples/happy.mp4", "example_title": "happy"}],
            "model-index": [
                {
                    "name": "someone/logoformer-dfew",
                    "results": [
                        {
                            "task": {"type": "video-classification", "name": "Facial expression recognition in video"},
                            "dataset": {"type": "dfew", "name": "DFEW, fold 3", "split": "test"},
                            "metrics": [
                                {
                                    "type": "recall",
                                    "value": 0.625,
                                    "name": "UAR (mean of per-class recalls)",
                                    "args": {"average": "macro"},
                                },
                                {"type": "accuracy", "value": 0.6667, "name": "WAR (accuracy)"},
                                {"type": "f1", "value": 0.619, "name": "macro F1", "args": {"average": "macro"}},
                            ],
                        }
                    ],
                }
            ],
        }
        data = ModelCard(content).data
        assert data.model_name == "someone/logoformer-dfew"
        assert {result.metric_name: result.metric_value for result in data.eval_results}["WAR (accuracy)"] == 0.6667

    def test_numbers_pictures_and_settings_are_in_the_text(self, tmp_path):
        content = write_model(tmp_path / "README.md")
        for row in (
            ["train", "9,000"],
            ["validation", "5"],
            ["**UAR**", "**62.50**", "20.00 to 100.00"],  # exact: 1.5 % of all draws are below 20 %, 2.8 % up to it
            ["**WAR**", "**66.67**", "33.33 to 100.00"],
            ["macro F1", "61.90", "-"],
            ["happy", "4", "75.00", "30.06 to 95.44"],  # Wilson's score of 3 in 4
            ["sad", "2", "50.00", "9.45 to 90.55"],
            ["fear", "0", "-", "-"],
            ["true", "happy", "sad", "fear"],
            ["happy", "3", "1", "0"],
            ["fear", "0", "0", "0"],
            ["learning rate", "0.01"],
            ["loss", "cross-entropy + 0.1 · compact loss"],
        ):
            assert row in rows(content)
        assert "The test split has no clip of fear: UAR and macro F1 are means over the other" in content
        assert "Recall goes from 50.00 % for sad (2 test clips) to 75.00 % for happy (4 test clips)." in content
        assert re.findall(r"!\[.+\]\((.+)\)", content) == ["confusion_matrix.png", "training_curves.png"]

    def test_it_says_of_how_many_clips_folds_and_seeds_it_speaks(self, tmp_path):
        content = write_model(tmp_path / "README.md", FULL)
        assert "The numbers speak of all 1,006 clips of the test split. This is fold 3 of 5;" in content
        assert "one seed (7)" in content
        content = write_model(tmp_path / "README.md", FULL, run={"left_out": ["a"]} | FERV39K | {"setup": "Action"})
        assert "lists 1,007 clips. 1 of them was missing, empty or unreadable and left out" in content
        assert "Trained and tested on FERV39K, Action." in content
        assert "fold" not in content

    def test_how_the_epoch_was_chosen(self, tmp_path):
        content = write_model(tmp_path / "README.md")
        assert "best epoch was kept. The test clips had no say in that" in content
        assert "Chosen on the test set" not in content
        content = write_model(tmp_path / "README.md", run={"selection": "last"})
        assert "The last epoch was kept; nothing was chosen." in content

    def test_a_choice_on_the_test_set_is_marked_before_every_number(self, tmp_path):
        content = write_model(tmp_path / "README.md", run={"selection": "test"})
        assert content.index("> **Chosen on the test set.**") < content.index("62.50")
        assert "measured on the test clips, and the best epoch was kept" in content
        assert "no say" not in content
        assert ["validation", "5"] not in rows(content)  # they are the test clips
        for result in ModelCard(content).data.eval_results:
            assert result.metric_name.endswith(", epoch chosen on these test clips")

    @pytest.mark.parametrize(
        ("run", "changes", "license", "name", "words"),
        [
            (FACES, {}, "apache-2.0", None, "So are the weights"),
            (FACES, {"fine_tuned_from": "me/x"}, "other", "terms-of-the-training-data", "and from other weights"),
            (FACES, {"frame_encoder_from": "me/x"}, "other", "terms-of-the-training-data", "and from other weights"),
            (CLIPS, {}, "other", "terms-of-the-training-data", "no licence that this card could name"),
            (FERV39K, {}, "other", "ferv39k-non-commercial-research", "made from FERV39K"),
            ({"dataset": "prepared"}, {}, "other", "dfew-non-commercial-research", "made from DFEW"),
            ({}, {"fine_tuned_from": "me/x"}, "other", "dfew-non-commercial-research", "training started from apply"),
        ],
    )
    def test_weights_are_ours_only_where_all_they_come_from_is(self, tmp_path, run, changes, license, name, words):
        content = write_model(tmp_path / "README.md", run=run, **changes)
        data = metadata(content)
        assert (data["license"], data.get("license_name")) == (license, name)
        assert words in content[content.index("## Licence") :]

    def test_weights_to_start_from_are_named_but_never_by_a_path(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("private/demo").mkdir(parents=True)
        cached = "/home/me/.cache/huggingface/hub/models--microsoft--resnet-18/snapshots/ab12/model.safetensors"
        for changes, base_model, row in (
            ({}, None, ["started from", "new weights"]),
            ({"fine_tuned_from": "me/x"}, ["me/x"], ["started from", "[me/x](https://huggingface.co/me/x)"]),
            (
                {"fine_tuned_from": "private/demo"},
                None,
                ["started from", "pretrained weights that are not on the Hub"],
            ),
            (
                {"frame_encoder_from": "/data/private/resnet18.pth"},
                None,
                ["frame encoder", "pretrained weights that are not on the Hub"],
            ),
            (
                {"frame_encoder_from": cached},
                ["microsoft/resnet-18"],
                ["frame encoder", "[microsoft/resnet-18](https://huggingface.co/microsoft/resnet-18)"],
            ),
        ):
            content = write_model(Path("README.md"), **changes)
            assert metadata(content).get("base_model") == base_model
            assert row in rows(content)
            assert "private" not in content and "/home/me" not in content

    def test_a_name_is_of_the_hub_unless_it_is_on_the_disk(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert hub_repo("outputs/demo") == "outputs/demo"
        Path("outputs/demo").mkdir(parents=True)
        assert hub_repo("outputs/demo") is None
        assert hub_repo("outputs/demo/") is None
        assert hub_repo(None) is None

    def test_it_says_what_is_known_of_the_people_and_what_the_law_forbids(self, tmp_path):
        content = write_model(tmp_path / "README.md")
        for words in (
            "twelve annotators",
            "cut from films",
            "no ages, genders, skin tones or cultures",
            "An expression is not an emotion.",
            "10.1177/1529100619832930",
            "2024/1689",
            "Article 5(1)(f)",
            "workplace",
            "education institutions",
            "medical or safety reasons",
            "Annex III",
            "Article 50(3)",
            "not legal advice",
        ):
            assert words in content
        assert "22 kinds of scene" in write_model(tmp_path / "README.md", run=FERV39K)
        content = write_model(tmp_path / "README.md", run=CLIPS)
        assert "Unknown people" in content and "DFEW" not in content and "FERV39K" not in content

    def test_card_of_a_model_of_drawn_faces_says_so(self, tmp_path):
        assert "no use for real faces" in write_model(tmp_path / "drawn.md", run=FACES)
        assert "drawn" not in write_model(tmp_path / "real.md")

    @pytest.mark.parametrize("run", [{}, {"selection": "test"}, {"left_out": ["a", "b"]}, FACES, FERV39K, CLIPS])
    @pytest.mark.parametrize("results", [RESULTS, FULL])
    @pytest.mark.parametrize("changes", [{}, {"config": LogoFormerConfig.tiny(use_global_attention=False)}])
    def test_it_is_clean_markdown(self, tmp_path, run, results, changes):
        check_markdown(write_model(tmp_path / "README.md", results, run=run, **changes))

    def test_every_variable_of_the_template_is_filled(self, tmp_path, monkeypatch):
        check_variables(monkeypatch, ModelCard, "model_card.md", lambda: write_model(tmp_path / "README.md"))

    @pytest.mark.parametrize("key", [key for key in RESULTS if key != "test_runtime"])
    def test_missing_result_is_named(self, tmp_path, key):
        with pytest.raises(ValueError, match=f"the results lack {key};"):
            write_model(tmp_path / "README.md", {name: value for name, value in RESULTS.items() if name != key})
        assert not (tmp_path / "README.md").exists()

    def test_recalls_of_other_classes_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match=r"\['happy', 'sad', 'fear'\], the run's are \['sad', 'happy', 'fear'\]"):
            write_model(tmp_path / "README.md", run={"label_names": ["sad", "happy", "fear"]})

    def test_a_run_that_trained_nothing_gets_no_card(self, tmp_path):
        with pytest.raises(ValueError, match="selection is 'given'"):
            write_model(tmp_path / "README.md", run={"selection": "given"})


def test_the_snippets_of_a_model_run_without_this_package(tmp_path, write_video):
    """One after the other, beside a folder as `save_pretrained` leaves it; all three agree with one another."""
    config = LogoFormerConfig.tiny()
    LogoFormerForVideoClassification(config).save_pretrained(tmp_path / "demo")
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
    processor.save_pretrained(tmp_path / "demo")
    write_video(tmp_path / "clip.mp4", 20)
    # Written twice it could differ: x264's threads make other bytes of the same frames now and then.
    shutil.copy(tmp_path / "clip.mp4", tmp_path / "first.mp4")
    write_video(tmp_path / "second.mp4", 9, seed=1)
    code = snippets(write_model(tmp_path / "README.md", model_name="demo", config=config))
    assert len(code) == 3 and not any("logoformer_hf" in snippet for snippet in code)

    lines = run_as_stranger("\n".join(code), cwd=tmp_path, HF_HUB_OFFLINE="1").splitlines()
    guesses = [re.fullmatch(r"(\w+) +([\d.]+)%", line).groups() for line in lines[:3]]
    assert float(guesses[0][1]) >= float(guesses[1][1]) >= float(guesses[2][1])
    assert lines[3] == f"first.mp4: {guesses[0][0]} {guesses[0][1]}%"
    assert lines[4].startswith("second.mp4: ")
    assert lines[5] == "embedding (1, 64)"
    rows = [re.fullmatch(r"([\d. %]+) of the attention, from left to right", line)[1] for line in lines[6:]]
    shares = [[float(share.rstrip("%")) for share in row.split()] for row in rows]
    assert [len(row) for row in shares] == [2, 2]  # windows of 2 x 2 on a grid of 4 x 4
    assert sum(map(sum, shares)) == pytest.approx(100, abs=0.3)


def test_the_snippet_of_a_model_without_global_attention_asks_for_none(tmp_path):
    code = snippets(write_model(tmp_path / "README.md", config=LogoFormerConfig.tiny(use_global_attention=False)))
    assert len(code) == 3
    compile(code[2], "snippet", "exec")
    assert "embedding" in code[2] and "attention" not in code[2]


class TestDatasetCard:
    def test_metadata_is_what_the_hub_reads(self, tmp_path):
        assert metadata(write_data(tmp_path / "README.md")) == {
            "license": "other",
            "license_name": "dfew-non-commercial-research",
            "license_link": "https://dfew-dataset.github.io/download.html",
            "pretty_name": "DFEW, prepared for LOGO-Former",
            "task_categories": ["video-classification"],
            "size_categories": ["10K<n<100K"],
            "tags": ["facial-expression-recognition", "logoformer", "dfew"],
            "configs": [
                {
                    "config_name": "default",
                    "data_files": [
                        {"split": "train", "path": "data/train-*.parquet"},
                        {"split": "test", "path": "data/test-*.parquet"},
                    ],
                }
            ],
            "viewer": False,
        }

    @pytest.mark.parametrize(
        ("num_clips", "category"),
        [(999, "n<1K"), (1_000, "1K<n<10K"), (9_999, "1K<n<10K"), (10_000, "10K<n<100K"), (100_000, "100K<n<1M")],
    )
    def test_size_category(self, tmp_path, num_clips, category):
        content = write_data(tmp_path / "README.md", clips_per_split={"train": num_clips})
        assert metadata(content)["size_categories"] == [category]

    def test_clips_columns_and_notes_are_in_the_text(self, tmp_path):
        content = write_data(tmp_path / "README.md", notes=["Official annotation.", "3 clips were left out."])
        for row in (["train", "9,356"], ["`fold`", "fold that tests the clip"], ["test", "2,341"]):
            assert row in rows(content)
        assert "0 happy, 1 sad, 2 fear" in content
        assert "11,697 clips" in content and "128 pixels on the shorter side" in content
        assert "\n\n- Official annotation.\n- 3 clips were left out.\n\n" in content
        assert "--fold 1" in content

    def test_it_says_whose_terms_apply(self, tmp_path):
        content = write_data(tmp_path / "README.md")
        assert "Keep this repository private." in content
        assert "Those of the authors of DFEW" in content and "https://dfew-dataset.github.io/download.html" in content
        content = write_data(tmp_path / "README.md", dataset="ferv39k", dataset_name="FERV39K", extra_columns={})
        assert "Those of the authors of FERV39K" in content and "DFEW" not in content
        assert "--fold" not in content

    def test_of_own_clips_it_claims_nothing(self, tmp_path):
        content = write_data(tmp_path / "README.md", dataset="clips", dataset_name="My clips", extra_columns={})
        data = metadata(content)
        assert (data["license"], data["license_name"]) == ("other", "terms-of-the-source")
        assert "viewer" not in data and "license_link" not in data
        assert "terms that were accepted when the clips were received" in content

    @pytest.mark.parametrize("changes", [{}, {"notes": ["One."]}, {"dataset": "clips", "dataset_name": "My clips"}])
    def test_it_is_clean_markdown(self, tmp_path, changes):
        check_markdown(write_data(tmp_path / "README.md", **changes))

    def test_every_variable_of_the_template_is_filled(self, tmp_path, monkeypatch):
        check_variables(monkeypatch, DatasetCard, "dataset_card.md", lambda: write_data(tmp_path / "README.md"))

    def test_the_snippet_loads_the_splits_of_a_folder(self, tmp_path):
        folder = tmp_path / "dfew"
        (folder / "data").mkdir(parents=True)
        features = Features({**clip_features(LABELS), "video": List(Image())})
        for split, num_clips in (("train", 2), ("test", 1)):
            clips = [
                {
                    "clip_id": f"{split}-{number}",
                    "video": [PILImage.new("RGB", (8, 6))] * 3,
                    "num_frames": 3,
                    "label": 1,
                }
                for number in range(num_clips)
            ]
            shard = folder / "data" / f"{split}-00000-of-00001.parquet"
            Dataset.from_list(clips, features=features).to_parquet(shard)
        (code,) = snippets(write_data(folder / "README.md", repo_name="dfew"))
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                f"{code}\nprint({{s: len(load_dataset('dfew', split=s)) for s in ('train', 'test')}})",
            ],
            cwd=tmp_path,
            env=os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr[-2000:]
        assert run.stdout == "train-0 sad 3 (8, 6)\n{'train': 2, 'test': 1}\n"


class TestRenaming:
    def test_a_model_card_is_as_if_written_for_the_repository(self, tmp_path):
        there = write_model(tmp_path / "there.md", model_name="me/model")
        for folder in ("demo", "3"):  # YAML puts a number in quotes
            here = write_model(tmp_path / "here.md", model_name=folder)
            assert metadata(rename_card(here, "me/model")) == metadata(there)
            assert rename_card(here, "me/model").split("---\n", 2)[2] == there.split("---\n", 2)[2]

    def test_a_dataset_card_is_as_if_written_for_the_repository(self, tmp_path):
        here, there = (write_data(tmp_path / "x.md", repo_name=name) for name in ("prepared", "me/data"))
        assert rename_card(here, "me/data") == there

    def test_a_card_written_by_hand_is_left_alone(self):
        assert rename_card("# demo\n\nMy model.\n", "me/model") == "# demo\n\nMy model.\n"


def check_markdown(content: str) -> None:
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
    given = {}
    monkeypatch.setattr(
        card_class, "from_template", lambda data, **variables: given.update(variables) or ModelCard("")
    )
    write()
    source = (HUB_CARD / template).read_text(encoding="utf-8")
    wanted = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(source))
    assert wanted - {"card_data"} == set(given)
