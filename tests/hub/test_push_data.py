"""Prepared shards go to a Hub on this machine, and come back by `load_dataset`, streamed too."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
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


class TestFilesOfOthers:
    @pytest.fixture
    def folder(self, shards, tmp_path):
        return shutil.copytree(shards, tmp_path / "shards")

    def refused(self, folder, *named: object) -> None:
        with raises_naming(PushError, *named):
            push_shards(folder, "me/dfew", private=True, dry_run=True)

    @pytest.mark.parametrize("name", ["README.md", "source.json", "data/test-00000-of-00001.parquet", "data"])
    def test_a_link_is_refused(self, folder, tmp_path, name):
        (folder / name).rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        self.refused(folder, folder / name, "link")

    def test_a_text_that_is_no_card(self, folder):
        (folder / "README.md").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        self.refused(folder, folder / "README.md")

    def change(self, folder, change):
        file = folder / "data" / "test-00000-of-00001.parquet"
        table = pq.read_table(file)
        columns = table.to_pydict()
        change(columns)
        pq.write_table(pa.table(columns, schema=table.schema), file)
        return file

    @pytest.mark.parametrize(
        "frame",
        [
            {"bytes": None, "path": "/etc/passwd"},
            {"bytes": b"root:x:0:0:", "path": None},
            {"bytes": b"\xff\xd8", "path": "/home/me/me.jpg"},
            None,
        ],
    )
    def test_a_frame_that_is_no_jpeg_of_its_own(self, folder, frame):
        file = self.change(folder, lambda columns: columns["video"][0].__setitem__(1, frame))
        self.refused(folder, file)

    def test_a_label_that_does_not_exist(self, folder):
        file = self.change(folder, lambda columns: columns["label"].__setitem__(0, 99))
        self.refused(folder, file, "99")

    def test_a_column_that_is_not_of_the_data_set(self, folder):
        file = folder / "data" / "test-00000-of-00001.parquet"
        table = pq.read_table(file)
        pq.write_table(table.append_column("home", pa.array(["/home/me"] * len(table))), file)
        self.refused(folder, file, "home")

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"dataset": "dfew", "left_out": [{"x": 1}]}'])
    def test_damaged_facts(self, folder, text):
        (folder / "source.json").write_text(text)
        self.refused(folder, folder / "source.json")


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
