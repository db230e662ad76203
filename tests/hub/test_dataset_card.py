"""The card of prepared shards: metadata the Hub can read, every number in its place, a snippet that runs."""

import pytest
from cards import LABELS, check_markdown, check_variables, dataset_card, metadata, rows, snippets
from datasets import Dataset, Features, Image, List
from errors import check_named
from huggingface_hub import DatasetCard
from PIL import Image as PILImage
from processes import run_python

from logoformer_hf.data.rows import clip_features
from logoformer_hf.hub.dataset_card import TEMPLATE

OWN = {"dataset": "clips", "dataset_name": "My clips", "extra_columns": {}}


def test_metadata_is_what_the_hub_reads(tmp_path):
    assert metadata(dataset_card(tmp_path / "README.md")) == {
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
def test_size_category(tmp_path, num_clips, category):
    content = dataset_card(tmp_path / "README.md", clips_per_split={"train": num_clips})
    assert metadata(content)["size_categories"] == [category]


def test_clips_columns_and_notes_are_in_the_text(tmp_path):
    content = dataset_card(tmp_path / "README.md", notes=["Official annotation.", "3 clips were left out."])
    for row in (["train", "9,356"], ["`fold`", "fold that tests the clip"], ["test", "2,341"]):
        assert row in rows(content)
    assert {row[0] for row in rows(content)} >= {"`clip_id`", "`video`", "`num_frames`", "`label`"}
    check_named(content, "0 happy, 1 sad, 2 fear", "11,697", "128 pixels on the shorter side", "--fold 1")
    assert "\n\n- Official annotation.\n- 3 clips were left out.\n\n" in content


def test_it_says_whose_terms_apply(tmp_path):
    terms = "https://dfew-dataset.github.io/download.html"
    content = dataset_card(tmp_path / "README.md")
    assert content.count(terms) >= 2  # in the metadata and in the text
    assert "> **" in content  # a warning before everything else
    content = dataset_card(tmp_path / "README.md", "ferv39k", "FERV39K", extra_columns={})
    check_named(content, "FERV39K", "ferv39k-non-commercial-research")
    assert "DFEW" not in content and "--fold" not in content


def test_of_own_clips_it_claims_nothing(tmp_path):
    content = dataset_card(tmp_path / "README.md", **OWN)
    data = metadata(content)
    assert (data["license"], data["license_name"]) == ("other", "terms-of-the-source")
    assert "viewer" not in data and "license_link" not in data
    assert "> **" not in content


@pytest.mark.parametrize("changes", [{}, {"notes": ["One."]}, OWN])
def test_it_is_clean_markdown(tmp_path, changes):
    check_markdown(dataset_card(tmp_path / "README.md", **changes))


def test_every_variable_of_the_template_is_filled(tmp_path, monkeypatch):
    check_variables(monkeypatch, DatasetCard, TEMPLATE, lambda: dataset_card(tmp_path / "README.md"))


def test_the_snippet_loads_the_splits_of_a_folder(tmp_path):
    folder = tmp_path / "dfew"
    (folder / "data").mkdir(parents=True)
    features = Features({**clip_features(LABELS), "video": List(Image())})
    for split, num_clips in (("train", 2), ("test", 1)):
        clips = [
            {"clip_id": f"{split}-{number}", "video": [PILImage.new("RGB", (8, 6))] * 3, "num_frames": 3, "label": 1}
            for number in range(num_clips)
        ]
        shard = folder / "data" / f"{split}-00000-of-00001.parquet"
        Dataset.from_list(clips, features=features).to_parquet(shard)
    (code,) = snippets(dataset_card(folder / "README.md", repo_name="dfew"))
    count = "print({split: len(load_dataset('dfew', split=split)) for split in ('train', 'test')})"
    environment = {"HF_HOME": str(tmp_path / "hf"), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    run = run_python(f"{code}\n{count}", cwd=tmp_path, **environment)
    assert run.stdout == "train-0 sad 3 (8, 6)\n{'train': 2, 'test': 1}\n"
