"""Prepared shards go to a Hub on this machine, and come back by `load_dataset`, streamed too."""

import json

import pytest
from dataset_trees import write_frames
from errors import raises_naming
from hub_server import running_hub
from processes import run_python

from logoformer_hf.cli import main
from logoformer_hf.hub.push import PushError
from logoformer_hf.hub.push_data import is_prepared, push_shards

TOKEN = "hf_writes"


@pytest.fixture(scope="module")
def shards(dfew_tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs") / "shards"
    arguments = ["--dataset", "dfew", "--data_dir", str(dfew_tree), "--output_dir", str(folder)]
    arguments += ["--clips_per_shard", "10", "--num_workers", "0"]
    main(["prepare", *arguments, "--cache_dir", str(tmp_path_factory.mktemp("cache"))])
    (folder / "notes.txt").write_text("mine")
    return folder


def test_dfew_is_refused_publicly_before_anything_is_asked(shards):
    with raises_naming(PushError, "DFEW", "--private"):
        push_shards(shards, "me/dfew", dry_run=True)


def test_a_dry_run_shows_what_would_leave(shards, capsys):
    main(["push", str(shards), "--repo", "me/dfew", "--private", "--dry-run"])
    names = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert names == [
        *("README.md", "prepare_settings.json", "source.json", "data/test-00000-of-00001.parquet"),
        *(f"data/train-0000{number}-of-00003.parquet" for number in range(3)),
    ]


def test_own_clips_may_be_public(tmp_path, capsys):
    for clip in ("train/happy/a", "train/sad/b", "test/happy/c"):
        write_frames(tmp_path / "own" / clip)
    arguments = ["--dataset", "clips", "--data_dir", str(tmp_path / "own"), "--cache_dir", str(tmp_path / "cache")]
    main(["prepare", *arguments, "--output_dir", str(tmp_path / "shards"), "--num_workers", "0"])
    assert push_shards(tmp_path / "shards", "me/own", dry_run=True) is None
    assert "datasets/me/own" in capsys.readouterr().out


def test_unfinished_folders_and_demos_of_data_are_refused(shards, tmp_path):
    assert is_prepared(shards) and not is_prepared(tmp_path)
    with raises_naming(PushError, tmp_path, "README.md", "source.json", "data/*.parquet"):
        push_shards(tmp_path, "me/dfew", private=True)
    with pytest.raises(SystemExit):
        main(["push", str(shards), "--repo", "me/dfew", "--private", "--space"])


LOAD = """
import json
import datasets

loaded = datasets.load_dataset("me/dfew")
streamed = list(datasets.load_dataset("me/dfew", split="test", streaming=True))
rows = list(loaded["test"])
same = all({**a, "video": 0} == {**b, "video": 0} and a["video"] == b["video"] for a, b in zip(rows, streamed))
print(json.dumps([loaded.num_rows, len(streamed), same, [row["clip_id"] for row in rows]]))
"""


def test_pushed_loaded_and_streamed(shards, tmp_path):
    with running_hub() as server:
        settings = server.environment(HF_HOME=str(tmp_path / "home"))
        push = f"from logoformer_hf.cli import main; main(['push', {str(shards)!r}, '--repo', 'dfew', '--private'])"

        def run(code: str) -> str:
            done = run_python(code, cwd=tmp_path, **settings)
            assert TOKEN not in done.stdout + done.stderr
            return done.stdout

        run(push)
        repo = server.repos["datasets", "me/dfew"]
        assert repo.private and "notes.txt" not in repo.files and "problems.csv" not in repo.files
        assert 'load_dataset("me/dfew"' in repo.files["README.md"].content.decode()
        num_rows, num_streamed, same, clip_ids = json.loads(run(LOAD).splitlines()[-1])
    assert num_rows == {"train": 28, "test": 7} and num_streamed == 7 and same
    assert clip_ids == [f"{number:05d}" for number in range(2521, 2556, 5)]
