"""Tables in the cache that were damaged are made again."""

from pathlib import Path

import pytest
from dataset_trees import write_dfew_annotation, write_dfew_frames

from logoformer_hf.data.sources.dfew import DFEW
from logoformer_hf.data.sources.table_cache import is_damaged


def load(root, cache):
    builder = DFEW(root, cache_dir=cache, fold=1)
    rows = builder.load()
    assert builder.problems == []
    return {split: clips.to_list() for split, clips in rows.items()}, rows["train"].features, builder.cache_dir


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = write_dfew_annotation(tmp_path_factory.mktemp("trees") / "DFEW")
    write_dfew_frames(root / "Clip" / "jpg_256", num_frames=1)
    return root


def test_whatever_is_changed_in_a_table_changes_no_row(root, tmp_path):
    whole = load(root, tmp_path)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path.suffix != ".lock"]
    assert {path.name for path in files} >= {"dataset_info.json", "problems.json", "digests.json", "dfew-train.arrow"}
    for file in files:
        content = file.read_bytes()
        place = content.find(b"surprise") + 1 or len(content) // 2
        for damaged in (b"", content[: len(content) // 2], content[:place] + b"x" + content[place + 1 :]):
            file.write_bytes(damaged)
            assert load(root, tmp_path) == whole, file.name
    assert not is_damaged(whole[2])


def test_files_that_datasets_adds_and_tables_without_digests_are_believed(root, tmp_path):
    _, _, table = load(root, tmp_path)
    (Path(table) / "cache-1.arrow").touch()
    assert not is_damaged(table)
    (Path(table) / "digests.json").unlink()
    (Path(table) / "problems.json").write_text("[ ]")
    assert not is_damaged(table) and not is_damaged(tmp_path / "none")
    load(root, tmp_path)
    assert not (Path(table) / "digests.json").exists()
