"""Prepared shards go to a Hub on this machine, and come back by `load_dataset`, streamed too."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_trees import write_frames
from errors import raises_naming
from hub_server import running_hub
from processes import run_python
from pushes import with_unknown_field

from logoformer_hf.cli import main
from logoformer_hf.hub.push import PushError
from logoformer_hf.hub.push_data import contents_of_data, data_files, is_prepared, push_shards

TOKEN = "hf_writes"


@pytest.fixture(scope="module")
def shards(shards):
    (shards / "notes.txt").write_text("mine")
    return shards


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

    def table(self, folder) -> tuple[Path, pa.Table]:
        file = folder / "data" / "test-00000-of-00001.parquet"
        return file, pq.read_table(file)

    def change(self, folder, change):
        file, table = self.table(folder)
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
            {"bytes": b"\xff\xd8-----BEGIN OPENSSH PRIVATE KEY-----\xff\xd9", "path": None},
            None,
        ],
    )
    def test_a_frame_that_is_no_jpeg_of_its_own(self, folder, frame):
        file = self.change(folder, lambda columns: columns["video"][0].__setitem__(1, frame))
        self.refused(folder, file)

    def test_a_label_that_does_not_exist(self, folder):
        file = self.change(folder, lambda columns: columns["label"].__setitem__(0, 99))
        self.refused(folder, file, "99")

    def test_a_frame_with_more_than_its_picture(self, folder):
        def place(columns):
            frame = columns["video"][0][1]
            frame["bytes"] = frame["bytes"][:2] + b"\xff\xfe\0\x0aat  home" + frame["bytes"][2:]

        self.refused(folder, self.change(folder, place), "comment")

    def test_a_path_beside_the_picture(self, folder):
        file = self.change(folder, lambda columns: columns["video"][0][0].__setitem__("path", "/home/me/a.jpg"))
        self.refused(folder, file, "path")

    @pytest.mark.parametrize(
        ("name", "value"), [("num_frames", 99), ("num_frames", None), ("content_id", "at home"), ("clip_id", None)]
    )
    def test_a_value_that_is_not_of_its_clip(self, folder, name, value):
        self.refused(folder, self.change(folder, lambda columns: columns[name].__setitem__(0, value)))

    def test_a_column_that_is_not_of_the_data_set(self, folder):
        file, table = self.table(folder)
        pq.write_table(table.append_column("home", pa.array(["/home/me"] * len(table))), file)
        self.refused(folder, file, "home")

    @pytest.mark.parametrize("name", ["label", "clip_id", "video"])
    def test_a_column_that_is_there_twice(self, folder, name):
        file, table = self.table(folder)
        pq.write_table(table.append_column(name, table.column(name)), file)
        self.refused(folder, file, name, "twice")

    @pytest.mark.parametrize(
        ("name", "column"),
        [
            ("video", [["/home/me/a.jpg"]]),
            ("video", [[{"path": "/home/me/a.jpg"}]]),
            ("video", [[{"bytes": b"", "path": "", "note": "mine"}]]),
            ("video", ["/home/me/a.jpg"]),
            ("video", [{"bytes": b"", "path": ""}]),
            ("video", [None]),
            ("label", ["sad"]),
            ("label", [True]),
            ("label", [0.5]),
            ("label", [None]),
            ("label", [[0]]),
            ("num_frames", ["2"]),
            ("clip_id", [1]),
            ("clip_id", [b"a"]),
            ("fold", [[{"a": "b"}]]),
        ],
    )
    def test_a_column_of_another_kind(self, folder, name, column):
        file, table = self.table(folder)
        place = table.column_names.index(name)
        pq.write_table(table.set_column(place, name, pa.array(column * len(table))), file)
        self.refused(folder, file, name)

    @pytest.mark.parametrize("name", ["clip_id", "num_frames", "label"])
    def test_a_column_that_is_missing(self, folder, name):
        file, table = self.table(folder)
        pq.write_table(table.drop_columns([name]), file)
        self.refused(folder, file, name)

    @pytest.mark.parametrize(
        "description",
        [
            "",
            "{",
            "[" * 50_000,
            '{"info": {"features": {"label": {"names": "abcdefg"}}}}',
            '{"info": {"features": {"label": {"names": [[], 1]}}}}',
            '{"info": []}',
        ],
    )
    def test_a_description_by_somebody_else(self, folder, description):
        file, table = self.table(folder)
        pq.write_table(table.replace_schema_metadata({"huggingface": description}), file)
        self.refused(folder, file)

    @pytest.mark.parametrize(
        "change",
        [
            lambda values: values.__setitem__("note", "mine"),
            lambda values: values["info"].__setitem__("description", "mine"),
            lambda values: values["info"]["features"].__setitem__("note", {"_type": "Value", "dtype": "string"}),
            lambda values: values["info"]["features"]["label"].__setitem__("note", "mine"),
            lambda values: values["info"]["features"]["label"].__setitem__("_type", "Features"),
            lambda values: values["info"]["features"]["clip_id"].__setitem__("id", "mine"),
            lambda values: values["info"]["features"]["video"]["feature"].__setitem__("mode", "mine"),
            lambda values: values["info"]["features"]["video"].__setitem__("feature", {"_type": "Video"}),
            lambda values: values["info"]["features"].__setitem__("clip_id", {"_type": "Value", "dtype": "int8"}),
        ],
    )
    def test_a_description_of_other_columns(self, folder, change):
        file, table = self.table(folder)
        values = json.loads(table.schema.metadata[b"huggingface"])
        change(values)
        pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(values)}), file)
        self.refused(folder, file)

    def test_metadata_of_somebody_else(self, folder):
        file, table = self.table(folder)
        for key in ("note", "pandas"):
            pq.write_table(table.replace_schema_metadata({**table.schema.metadata, key: "{}"}), file)
            self.refused(folder, file, key)
        field = table.schema.field("label").with_metadata({"note": "mine"})
        schema = table.schema.set(table.column_names.index("label"), field)
        pq.write_table(pa.Table.from_arrays(table.columns, schema=schema), file)
        self.refused(folder, file, "label")

    @pytest.mark.parametrize("place", ["begin", "columns", "end"])
    def test_bytes_that_belong_to_no_column(self, folder, place):
        file, _ = self.table(folder)
        content, text = file.read_bytes(), b"-----BEGIN OPENSSH PRIVATE KEY-----"
        footer = int.from_bytes(content[-8:-4], "little") + 8
        if place == "end":
            file.write_bytes(content + text)
        elif place == "begin":
            file.write_bytes(content[:4] + text + content[4:])
        else:
            file.write_bytes(content[:-footer] + text + content[-footer:])
        self.refused(folder, file)

    @pytest.mark.parametrize("how", ["footer", "writer", "compression", "row groups", "statistics"])
    def test_what_nobody_reads_of_a_shard_stays(self, folder, how, tmp_path):
        """The rows are sent, written anew."""
        file, table = self.table(folder)
        written, text = file.read_bytes(), b"-----BEGIN OPENSSH PRIVATE KEY-----"
        if how == "footer":
            file.write_bytes(with_unknown_field(written, text))
        elif how == "writer":
            creator = pq.read_metadata(file).created_by.encode()
            file.write_bytes(written.replace(creator, creator[:-1] + b"z"))
        else:
            options = {"compression": "gzip"} if how == "compression" else {"row_group_size": 3}
            options |= {"write_statistics": ["clip_id"]} if how == "statistics" else {}
            pq.write_table(table, file, **options)
        (tmp_path / "scratch").mkdir()
        files = data_files(folder)
        name = f"data/{file.name}"
        contents = contents_of_data(files, tmp_path / "scratch")
        assert contents[name] != file and contents[name].read_bytes() == written
        others = [other for other in contents if other.startswith("data/") and other != name]
        assert others and all(contents[other] == files[other] for other in others)

    def test_shards_without_clips(self, folder):
        file, table = self.table(folder)
        pq.write_table(table.slice(0, 0), file)
        self.refused(folder, file)
        settings = folder / "prepare_settings.json"
        settings.write_text(json.dumps(json.loads(settings.read_text()) | {"clips": {}}))
        self.refused(folder, settings, "clips")

    def test_damaged_pages(self, folder):
        file, _ = self.table(folder)
        content, group = bytearray(file.read_bytes()), pq.read_metadata(file).row_group(0)
        column = next(each for each in map(group.column, range(group.num_columns)) if each.path_in_schema == "fold")
        content[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
        file.write_bytes(content)
        self.refused(folder, file)

    @pytest.mark.parametrize("name", ["test-00001-of-00002.parquet", "test-00007-of-00001.parquet"])
    def test_shards_that_are_missing(self, folder, name):
        (folder / "data" / "test-00000-of-00001.parquet").rename(folder / "data" / name)
        self.refused(folder, folder, "test")

    @pytest.mark.parametrize("name", ["prepare_settings.json", "source.json"])
    @pytest.mark.parametrize("change", [{"note": "mine"}, {"faces": []}, {"dataset": [], "clips": []}])
    def test_other_fields(self, folder, name, change):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(values | change))
        self.refused(folder, folder / name)

    def test_another_text_in_the_settings(self, folder):
        file = folder / "prepare_settings.json"
        values = json.loads(file.read_text())
        file.write_text(json.dumps(values | {"clips": {**values["clips"], "test": "at home"}}))
        self.refused(folder, file, "clips.test")
        file.write_text(json.dumps(values)[:-1] + ', "version": 1}')
        self.refused(folder, file, "version")

    @pytest.mark.parametrize(
        "metadata",
        ["license: 2024-01-01", "thumbnail: javascript:a", "license: " + "[" * 20_000, "license: !!set {a}"],
    )
    def test_metadata_of_a_card_by_somebody_else(self, folder, metadata):
        (folder / "README.md").write_text(f"---\n{metadata}\n---\n# A title\n")
        self.refused(folder, folder / "README.md")

    @pytest.mark.parametrize(
        "text",
        [
            *("", "[]", "{}", '{"dataset": "dfew", "left_out": [{"x": 1}]}', "[" * 50_000),
            *('{"dataset": [], "dataset_name": "a"}', '{"dataset": {}, "dataset_name": "a"}'),
            *('{"dataset": "a", "dataset_name": 1}', '{"dataset": "a", "dataset_name": "a", "left_out": "ab"}'),
        ],
    )
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
