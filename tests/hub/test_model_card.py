"""The card of a model: metadata the Hub can read, every number in its place, snippets that run."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from cards import (
    CALIBRATION,
    CLIPS,
    FACES,
    FERV39K,
    FULL_RESULTS,
    LABELS,
    RESULTS,
    UNCALIBRATED,
    check_markdown,
    check_variables,
    metadata,
    model_card,
    rows,
    snippets,
)
from errors import check_named, raises_naming
from huggingface_hub import ModelCard
from scipy.stats import beta
from toys import save_model
from without_package import run_without_package

from logoformer_hf import LogoFormerConfig, LogoFormerVideoProcessor
from logoformer_hf.data.sources.table import SOURCES
from logoformer_hf.data.trained_on import SeenClips
from logoformer_hf.evaluation.calibration import HIGHEST_TEMPERATURE
from logoformer_hf.hub.model_card import TEMPLATE


def test_metadata_is_what_the_hub_reads(tmp_path):
    content = model_card(tmp_path / "README.md", example_videos=["examples/happy.mp4"])
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
    assert {result.metric_type: result.metric_value for result in data.eval_results}["accuracy"] == 0.6667


def test_numbers_pictures_and_settings_are_in_the_text(tmp_path):
    content = model_card(tmp_path / "README.md")
    for row in (
        ["train", "9,000"],
        ["validation", "5"],
        # As 10/3 of 16/3 clips: 1 / (0.5² / 4 + 0.5² / 2) clips have the variance of the mean.
        ["**UAR**", "**62.50**", "{:.2f} to {:.2f}".format(*100 * beta.ppf([0.025, 0.975], [10 / 3, 13 / 3], [3, 2]))],
        ["**WAR**", "**66.67**", "22.28 to 95.67"],
        ["macro F1", "61.90", "-"],
        ["happy", "4", "75.00", "19.41 to 99.37"],  # Clopper and Pearson of 3 in 4
        ["sad", "2", "50.00", "1.26 to 98.74"],
        ["fear", "0", "-", "-"],
        ["true", "happy", "sad", "fear"],
        ["happy", "3", "1", "0"],
        ["fear", "0", "0", "0"],
        ["learning rate", "0.01"],
        ["loss", "cross-entropy + 0.1 · compact loss"],
    ):
        assert row in rows(content)
    # The class without a clip, and how far apart the recalls of the others are.
    lines = [line for line in content.splitlines() if not line.startswith("|")]
    assert [line for line in lines if "fear" in line and "UAR" in line and "macro F1" in line]
    assert [line for line in lines if "50.00 % for sad (2" in line and "75.00 % for happy (4" in line]
    assert re.findall(r"!\[.+\]\((.+)\)", content) == ["confusion_matrix.png", "training_curves.png"]


def test_it_names_the_number_of_clips_the_fold_and_the_seed(tmp_path):
    content = model_card(tmp_path / "README.md", FULL_RESULTS)
    check_named(content, "1,006", "fold 3 of 5", "seed (7)")
    content = model_card(tmp_path / "README.md", FULL_RESULTS, run={"left_out": ["a"]} | FERV39K | {"setup": "Action"})
    check_named(content, "1,007", "1,006", "FERV39K, Action")
    assert "fold" not in content


def test_how_the_epoch_was_chosen(tmp_path):
    cards = {
        selection: model_card(tmp_path / f"{selection}.md", run={"selection": selection})
        for selection in ("validation", "last", "test")
    }
    for selection, content in cards.items():
        assert ("> **" in content) == (selection == "test")
    assert cards["validation"] != cards["last"]


def test_a_choice_on_the_test_set_is_marked_before_every_number(tmp_path):
    content = model_card(tmp_path / "README.md", run={"selection": "test"})
    assert content.index("> **") < content.index("62.50")
    assert "test clips" in content[content.index("> **") : content.index("62.50")]
    assert ["validation", "5"] not in rows(content)  # they are the test clips
    usual = ModelCard(model_card(tmp_path / "usual.md")).data.eval_results
    for result, plain in zip(ModelCard(content).data.eval_results, usual, strict=True):
        assert result.metric_name.startswith(plain.metric_name) and "test clips" in result.metric_name


def test_clips_that_the_model_was_trained_on_are_marked_before_every_number(tmp_path):
    seen = SeenClips(trained_on=3, validation_trained_on=2)
    content = model_card(tmp_path / "README.md", run=FERV39K | {"seen_clips": seen})
    before = content[: content.index("## Results")]
    check_named(before, "**Trained on tested clips:**", " 3 ", "**Chosen on training clips:**", " 2 ")
    names = [each["name"] for each in metadata(content)["model-index"][0]["results"][0]["metrics"]]
    assert all("trained on 3 of the tested clips" in name for name in names)


@pytest.mark.parametrize(
    ("run", "changes", "license", "name"),
    [
        (FACES, {}, "apache-2.0", None),
        (FACES, {"fine_tuned_from": "me/x"}, "other", "terms-of-the-training-data"),
        (FACES, {"frame_encoder_from": "me/x"}, "other", "terms-of-the-training-data"),
        (CLIPS, {}, "other", "terms-of-the-training-data"),
        (FERV39K, {}, "other", "ferv39k-non-commercial-research"),
        ({"dataset": "prepared"}, {}, "other", "dfew-non-commercial-research"),
        ({}, {"fine_tuned_from": "me/x"}, "other", "dfew-non-commercial-research"),
    ],
)
def test_weights_are_ours_only_where_all_they_come_from_is(tmp_path, run, changes, license, name):
    content = model_card(tmp_path / "README.md", run=run, **changes)
    data = metadata(content)
    assert (data["license"], data.get("license_name")) == (license, name)
    said = content[content.index("## Licence") :]
    for dataset in ("dfew", "ferv39k"):
        terms = SOURCES[dataset].terms
        assert (terms.url in said and terms.name in said) == (name == terms.license_name)
    # Weights that a training started from are named as a thing of its own.
    assert ("other weights" in said or "weights that" in said) == bool(changes)


def test_weights_to_start_from_are_named_but_never_by_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("private/demo").mkdir(parents=True)
    cached = "/home/me/.cache/huggingface/hub/models--microsoft--resnet-18/snapshots/ab12/model.safetensors"
    for changes, base_model, setting, link in (
        ({}, None, "started from", None),
        ({"fine_tuned_from": "me/x"}, ["me/x"], "started from", "[me/x](https://huggingface.co/me/x)"),
        ({"fine_tuned_from": "private/demo"}, None, "started from", None),
        ({"frame_encoder_from": "/data/private/resnet18.pth"}, None, "frame encoder", None),
        (
            {"frame_encoder_from": cached},
            ["microsoft/resnet-18"],
            "frame encoder",
            "[microsoft/resnet-18](https://huggingface.co/microsoft/resnet-18)",
        ),
    ):
        content = model_card(Path("README.md"), **changes)
        assert metadata(content).get("base_model") == base_model
        [value] = [row[1] for row in rows(content) if row[0] == setting]
        assert value == link if link else "https" not in value
        assert "private" not in content and "/home/me" not in content


def test_it_says_what_is_known_of_the_people_and_what_the_law_forbids(tmp_path):
    content = model_card(tmp_path / "README.md")
    check_named(
        content,
        "10.1177/1529100619832930",
        "2024/1689",
        "Article 5(1)(f)",
        "workplace",
        "education",
        "Annex III",
        "Article 50(3)",
        *SOURCES["dfew"].limits,
    )
    check_named(model_card(tmp_path / "README.md", run=FERV39K), *SOURCES["ferv39k"].limits)
    content = model_card(tmp_path / "README.md", run=CLIPS)
    assert "DFEW" not in content and "FERV39K" not in content


def test_card_of_a_model_of_synthetic_faces_says_so(tmp_path):
    content = model_card(tmp_path / "drawn.md", run=FACES)
    assert "> **" in content and "real faces" in content[content.index("> **") :].splitlines()[0]
    assert "drawn" not in model_card(tmp_path / "real.md")


@pytest.mark.parametrize("run", [{}, {"selection": "test"}, {"left_out": ["a", "b"]}, FACES, FERV39K, CLIPS])
@pytest.mark.parametrize("results", [RESULTS, FULL_RESULTS])
@pytest.mark.parametrize("changes", [{}, {"config": LogoFormerConfig.tiny(use_global_attention=False)}])
def test_it_is_clean_markdown(tmp_path, run, results, changes):
    check_markdown(model_card(tmp_path / "README.md", results, run=run, **changes))


@pytest.mark.parametrize("run", [{}, {"selection": "test"}, {"selection": "last"}, FACES])
@pytest.mark.parametrize("temperature", [None, 1.75, HIGHEST_TEMPERATURE])
def test_a_card_with_calibration_is_clean_markdown(tmp_path, run, temperature):
    results = RESULTS | ({**CALIBRATION, "score_temperature": temperature} if temperature else UNCALIBRATED)
    config = LogoFormerConfig.tiny(score_temperature=temperature)
    content = model_card(tmp_path / "README.md", results, run=run, config=config)
    check_markdown(content)
    assert ("limit of the fit" in content) == (temperature == HIGHEST_TEMPERATURE)


def test_calibration_before_and_after_is_in_the_text(tmp_path):
    config = LogoFormerConfig.tiny(score_temperature=1.75)
    content = model_card(tmp_path / "README.md", RESULTS | CALIBRATION, config=config)
    assert ["as they are", "87.90", "66.67", "21.23", "1.2346", "0.7123"] in rows(content)
    assert ["logits divided by 1.750", "69.88", "66.67", "4.32", "0.9877", "0.6123"] in rows(content)
    check_named(content, "fitted on the 5 validation clips", "(they chose the epoch)", "temperature 1.750")
    [limit] = [line for line in content.splitlines() if "**It always answers.**" in line]
    check_named(limit, "87.90 %", "66.67 %", "69.88 %")
    assert "nine times out of ten was not measured" not in content
    assert "not calibrated" not in content
    last = model_card(tmp_path / "README.md", RESULTS | CALIBRATION, config=config, run={"selection": "last"})
    assert "fitted on the 5 validation clips" in last and "they chose the epoch" not in last


@pytest.mark.parametrize(
    ("selection", "said"),
    [("test", "chosen on the test clips, so no clips were left"), ("validation", "at least 50 validation clips")],
)
def test_a_model_that_is_not_calibrated_says_why(tmp_path, selection, said):
    content = model_card(tmp_path / "README.md", RESULTS | UNCALIBRATED, run={"selection": selection})
    check_named(content, "The scores are not calibrated", said)
    assert ["as they are", "87.90", "66.67", "21.23", "1.2346", "0.7123"] in rows(content)
    assert "logits divided by" not in content and "score_temperature" not in content


def test_results_without_calibration_say_that_it_was_not_measured(tmp_path):
    content = model_card(tmp_path / "README.md")
    assert "nine times out of ten was not measured" in content and "calibrat" not in content


def test_a_temperature_of_another_training_is_refused(tmp_path):
    with raises_naming(ValueError, "score_temperature", "None", "1.75"):
        model_card(tmp_path / "README.md", RESULTS | CALIBRATION)
    with raises_naming(ValueError, "score_temperature", "2.0", "None"):
        model_card(tmp_path / "README.md", config=LogoFormerConfig.tiny(score_temperature=2.0))


@pytest.mark.parametrize("key", [key for key in CALIBRATION if key not in ("score_temperature", "test_ece")])
def test_a_missing_number_of_the_calibration_is_named(tmp_path, key):
    results = {name: value for name, value in (RESULTS | CALIBRATION).items() if name != key}
    with raises_naming(ValueError, key):
        model_card(tmp_path / "README.md", results, config=LogoFormerConfig.tiny(score_temperature=1.75))


def test_every_variable_of_the_template_is_filled(tmp_path, monkeypatch):
    check_variables(monkeypatch, ModelCard, TEMPLATE, lambda: model_card(tmp_path / "README.md"))


@pytest.mark.parametrize("key", [key for key in RESULTS if key != "test_runtime"])
def test_missing_result_is_named(tmp_path, key):
    with raises_naming(ValueError, key):
        model_card(tmp_path / "README.md", {name: value for name, value in RESULTS.items() if name != key})
    assert not (tmp_path / "README.md").exists()


def test_recalls_of_other_classes_are_refused(tmp_path):
    with raises_naming(ValueError, "test_recall", LABELS, ["sad", "happy", "fear"]):
        model_card(tmp_path / "README.md", run={"label_names": ["sad", "happy", "fear"]})


def test_a_run_that_trained_nothing_gets_no_card(tmp_path):
    with raises_naming(ValueError, "selection", "'given'"):
        model_card(tmp_path / "README.md", run={"selection": "given"})


# --- snippets


def test_the_snippets_of_a_model_run_without_this_package(tmp_path, write_video):
    """One after the other, beside a folder as `save_pretrained` leaves it; all three agree with one another."""
    config = LogoFormerConfig.tiny()
    save_model(tmp_path / "demo", config)
    write_video(tmp_path / "clip.mp4", 20)
    # Written twice it could differ: x264's threads make other bytes of the same frames now and then.
    shutil.copy(tmp_path / "clip.mp4", tmp_path / "first.mp4")
    write_video(tmp_path / "second.mp4", 9, seed=1)
    code = snippets(model_card(tmp_path / "README.md", model_name="demo", config=config))
    assert len(code) == 3 and not any("logoformer_hf" in snippet for snippet in code)

    lines = run_without_package("\n".join(code), cwd=tmp_path, HF_HUB_OFFLINE="1").splitlines()
    guesses = [re.fullmatch(r"(\w+) +([\d.]+)%", line).groups() for line in lines[:3]]
    assert float(guesses[0][1]) >= float(guesses[1][1]) >= float(guesses[2][1])
    # The pipeline takes a GPU where there is one, the model stays on the CPU.
    clip, label, percent = re.fullmatch(r"(\S+): (\w+) ([\d.]+)%", lines[3]).groups()
    assert clip == "first.mp4"
    assert float(percent) == pytest.approx(float(dict(guesses)[label]), abs=0.2)
    assert lines[4].startswith("second.mp4: ")
    assert lines[5] == "embedding (1, 64)"
    shares = [[float(share) for share in re.findall(r"([\d.]+)%", line)] for line in lines[6:]]
    assert [len(row) for row in shares] == [2, 2]  # windows of 2 x 2 on a grid of 4 x 4
    assert sum(map(sum, shares)) == pytest.approx(100, abs=0.3)


def test_the_snippet_of_a_calibrated_model_divides_and_its_pipeline_does_not(tmp_path, write_video):
    config = LogoFormerConfig.tiny(score_temperature=0.25)
    model = save_model(tmp_path / "demo", config)
    write_video(tmp_path / "first.mp4", 20)
    for name in ("clip", "second"):
        shutil.copy(tmp_path / "first.mp4", tmp_path / f"{name}.mp4")
    code = snippets(
        model_card(tmp_path / "README.md", RESULTS | {**CALIBRATION, "score_temperature": 0.25}, config=config)
    )
    code = [snippet.replace("someone/logoformer-dfew", "demo") for snippet in code]
    lines = run_without_package("\n".join(code[:2]), cwd=tmp_path, HF_HUB_OFFLINE="1").splitlines()
    inputs = LogoFormerVideoProcessor.from_pretrained(tmp_path / "demo")(tmp_path / "first.mp4", return_tensors="pt")
    with torch.inference_mode():
        logits = model(**inputs).logits[0]
    for line, expected in ((lines[0], logits.softmax(0)), (lines[3], (logits / 0.25).softmax(0))):
        shown = float(re.search(r"([\d.]+)%", line)[1])
        assert shown == pytest.approx(100 * expected.max().item(), abs=0.2)
    assert logits.softmax(0).max() < (logits / 0.25).softmax(0).max() - 0.01  # or the two could not be told apart


def test_the_snippet_of_a_model_without_global_attention_asks_for_none(tmp_path):
    code = snippets(model_card(tmp_path / "README.md", config=LogoFormerConfig.tiny(use_global_attention=False)))
    assert len(code) == 3
    compile(code[2], "snippet", "exec")
    assert "embedding" in code[2] and "attention" not in code[2]
