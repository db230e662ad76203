import io
import json
import os
from dataclasses import fields
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets.packaged_modules.parquet.parquet import ParquetConfig
from errors import check_named, raises_naming
from PIL import Image

from logoformer_hf import LogoFormerVideoProcessor
from logoformer_hf.data import shards as module
from logoformer_hf.data.clips import ClipDataset, check_rows
from logoformer_hf.data.identity import with_content_ids
from logoformer_hf.data.jpeg_parts import check_is_plain
from logoformer_hf.data.problems import ClipProblems
from logoformer_hf.data.rows import clip_features
from logoformer_hf.data.shards import DEFAULT_SIDE_PX, load_shards, prepare_shards
from logoformer_hf.data.transforms import TrainingTransforms
from logoformer_hf.image_reading_logoformer import decode_image

SMALL = {"side_px": 32, "clips_per_shard": 2, "num_workers": 0}


def write_folder(folder: Path, num_frames: int, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """JPEGs of one colour each, which JPEG keeps within a step or two."""
    folder.mkdir(parents=True)
    for number in range(num_frames):
        color = tuple(int(value) for value in np.random.default_rng([seed, number]).integers(0, 256, 3))
        Image.new("RGB", size, color).save(folder / f"{number + 1}.jpg")
    return folder


@pytest.fixture
def rows(tmp_path, write_video) -> datasets.DatasetDict:
    """Five clips to train, two to test: folders and a video, with a fold."""
    videos = [write_folder(tmp_path / "clips" / str(number), 3 + number, seed=number) for number in range(6)]
    videos.append(write_video(tmp_path / "clips" / "6.mp4", 70, codec="mpeg4"))
    features = clip_features(fold=datasets.Value("int32"), scene=datasets.Value("string"))
    every = [
        {
            "clip_id": f"clip{number}",
            "video": str(video),
            "num_frames": 99,  # lists are often wrong
            "label": number % 7,
            "fold": number % 3 + 1,
            "scene": "Action",
        }
        for number, video in enumerate(videos)
    ]
    return datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_list(every[:5], features),
            "test": datasets.Dataset.from_list(every[5:], features),
        }
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def undecoded(clips) -> list[dict]:
    return list(clips.cast_column("video", datasets.List(datasets.Image(decode=False))))


def shard_names(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "data").iterdir())


def test_shards_hold_all_rows_and_frames(rows, tmp_path, capsys):
    assert prepare_shards(rows, tmp_path / "out", **SMALL) == []
    assert shard_names(tmp_path / "out") == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00003.parquet",
        "train-00001-of-00003.parquet",
        "train-00002-of-00003.parquet",
    ]
    shards = load_shards(tmp_path / "out")
    assert shards["train"].features["label"].names == rows["train"].features["label"].names
    assert shards["train"].features["video"] == datasets.List(datasets.Image())
    for split, num_frames in {"train": [3, 4, 5, 6, 7], "test": [8, 70]}.items():
        for column in ("clip_id", "label", "fold", "scene"):
            assert shards[split][column] == rows[split][column], column
        assert shards[split]["num_frames"] == num_frames
        assert [len(frames) for frames in shards[split]["video"]] == num_frames
    for number, frame in enumerate(shards["train"][2]["video"]):
        assert frame.format == "JPEG"
        assert frame.size == (42, 32)  # 64 x 48 by its shorter side
        with Image.open(f"{rows['train'][2]['video']}/{number + 1}.jpg") as original:
            assert np.abs(np.array(frame).astype(int) - np.array(original)[0, 0]).max() <= 4
    said = capsys.readouterr().out.splitlines()
    check_named(said[0], "4 of 4 shards", "7 clips", "0.1 MB")
    check_named(said[1], tmp_path / "out", "4 shards", "0.1 MB", "0 clips")
    assert (tmp_path / "out" / "problems.csv").read_text() == "clip,path,reason\n"


def test_every_way_of_loading_gives_the_same_rows(rows, tmp_path):
    folder = tmp_path / "out"
    prepare_shards(rows, folder, **SMALL)
    files = {split: str(folder / "data" / f"{split}-*.parquet") for split in rows}
    shards = load_shards(folder)
    assert list(shards) == ["train", "test"]
    ways = {
        "folder": datasets.load_dataset(str(folder)),
        "parquet": datasets.load_dataset("parquet", data_files=files),
        "streaming": datasets.load_dataset(str(folder), streaming=True),
    }
    for name, loaded in ways.items():
        assert set(loaded) == {"train", "test"}, name
        for split in shards:
            assert loaded[split].features == shards[split].features, name
            assert undecoded(loaded[split]) == undecoded(shards[split]), name


def test_training_and_evaluation_read_the_shards(rows, tmp_path):
    processor = LogoFormerVideoProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    prepare_shards(rows, tmp_path / "out", **SMALL)
    shards = load_shards(tmp_path / "out")
    check_classes = datasets.DatasetDict({"train": shards["test"], "test": shards["test"]})
    with raises_naming(ValueError, "train", "happy"):  # embedded videos are not looked for on the disk
        check_rows(check_classes)
    for transforms in (None, TrainingTransforms(28)):
        clips = ClipDataset(shards["train"], processor, transforms)
        assert clips.labels == [0, 1, 2, 3, 4]
        original = ClipDataset(rows["train"], processor, transforms)
        for prepared, unprepared in zip(clips, original, strict=True):
            assert prepared["label"] == unprepared["label"]
            difference = prepared["frames"].int() - unprepared["frames"].int()
            assert difference.abs().max() <= 4  # one colour a frame, compressed once more


def test_small_frames_stay_as_they_are(tmp_path):
    write_folder(tmp_path / "clip", 2, size=(20, 24))
    sizes = {}
    for side_px in (20, 19, 5):
        frames = module.encode_frames(str(tmp_path / "clip"), side_px, jpeg_quality=90)
        sizes[side_px] = {Image.open(module.io.BytesIO(frame["bytes"])).size for frame in frames}
    assert sizes == {20: {(20, 24)}, 19: {(19, 22)}, 5: {(5, 6)}}


def test_default_side_is_what_training_needs():
    assert DEFAULT_SIDE_PX == TrainingTransforms(112).min_side_px == 122


def test_workers_write_the_same(rows, tmp_path):
    prepare_shards(rows, tmp_path / "one", **SMALL)
    prepare_shards(rows, tmp_path / "two", **SMALL | {"num_workers": 2})
    for name in shard_names(tmp_path / "one"):
        assert (tmp_path / "one/data" / name).read_bytes() == (tmp_path / "two/data" / name).read_bytes()


def test_a_second_call_writes_what_is_not_there(rows, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_shard, written = module.write_shard, []

    def stop_at_third(shard, *args):
        if len(written) == 2:
            next(iter(args[1]))  # in the middle of a shard
            raise KeyboardInterrupt
        written.append(shard.file.name)
        return write_shard(shard, *args)

    monkeypatch.setattr(module, "write_shard", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        prepare_shards(rows, folder, **SMALL)
    assert shard_names(folder) == written == [f"train-0000{number}-of-00003.parquet" for number in (0, 1)]
    with raises_naming(FileNotFoundError, "2", "train"):
        load_shards(folder)

    before = {name: (folder / "data" / name).stat().st_mtime_ns for name in written}
    monkeypatch.setattr(module, "write_shard", write_shard)
    prepare_shards(rows, folder, **SMALL)
    assert {name: (folder / "data" / name).stat().st_mtime_ns for name in before} == before
    prepare_shards(rows, tmp_path / "at once", **SMALL)
    assert undecoded(load_shards(folder)["train"]) == undecoded(load_shards(tmp_path / "at once")["train"])


def test_different_settings_and_clips_are_refused(rows, tmp_path):
    prepare_shards(rows, tmp_path, **SMALL)
    before = (tmp_path / "prepare_settings.json").read_text()
    with raises_naming(ValueError, tmp_path, "side_px", "32", "33"):
        prepare_shards(rows, tmp_path, **SMALL | {"side_px": 33})
    with raises_naming(ValueError, "jpeg_quality", "90", "80"):
        prepare_shards(rows, tmp_path, **SMALL, jpeg_quality=80)
    relabelled = rows["train"].map(lambda row: {"label": 6 - row["label"]})
    with raises_naming(ValueError, "clips"):
        prepare_shards(datasets.DatasetDict(train=relabelled, test=rows["test"]), tmp_path, **SMALL)
    assert (tmp_path / "prepare_settings.json").read_text() == before
    moved = rows.map(lambda row: {"video": f"/elsewhere/{row['clip_id']}", "num_frames": 1})
    assert prepare_shards(moved, tmp_path, **SMALL) == []  # the same clips in another place, and all are written


def break_clip(rows: datasets.DatasetDict, split: str, number: int) -> Path:
    frame = Path(rows[split][number]["video"]) / "2.jpg"
    frame.write_bytes(b"no image")
    return frame


def test_stop_names_every_unreadable_clip_and_keeps_the_other_shards(rows, tmp_path):
    folder = tmp_path / "out"
    first, second = break_clip(rows, "train", 1), break_clip(rows, "test", 0)
    content = (first.parent / "3.jpg").read_bytes()
    with raises_naming(ClipProblems, "2 of 7", "clip1: ", first, "on_problem", "skip") as caught:
        prepare_shards(rows, folder, **SMALL)
    assert [problem.clip_id for problem in caught.value.problems] == ["clip1", "clip5"]
    assert shard_names(folder) == [f"train-0000{number}-of-00003.parquet" for number in (1, 2)]
    lines = (folder / "problems.csv").read_text().splitlines()
    assert len(lines) == 3
    assert lines[1].startswith(f"clip1,{first.parent},")
    for frame in (first, second):
        frame.write_bytes(content)
    assert prepare_shards(rows, folder, **SMALL) == []
    assert (folder / "problems.csv").read_text() == "clip,path,reason\n"
    assert load_shards(folder)["train"]["clip_id"] == rows["train"]["clip_id"]


def test_skip_leaves_clips_out_and_remembers_them(rows, tmp_path):
    break_clip(rows, "train", 1)
    (left_out,) = prepare_shards(rows, tmp_path / "out", **SMALL, on_problem="skip")
    assert (left_out.clip_id, left_out.path) == ("clip1", rows["train"][1]["video"])
    assert load_shards(tmp_path / "out")["train"]["clip_id"] == ["clip0", "clip2", "clip3", "clip4"]
    (tmp_path / "out/data/test-00000-of-00001.parquet").unlink()
    assert prepare_shards(rows, tmp_path / "out", **SMALL, on_problem="skip") == [left_out]
    assert "clip1" in (tmp_path / "out" / "problems.csv").read_text()


def test_folds_become_splits(rows, tmp_path):
    prepare_shards(rows, tmp_path / "out", **SMALL)
    for fold in (1, 2, 3):
        split = load_shards(tmp_path / "out", fold=fold)
        assert set(split["test"]["fold"]) == {fold}
        assert fold not in split["train"]["fold"]
        assert sorted([*split["train"]["clip_id"], *split["test"]["clip_id"]]) == [f"clip{n}" for n in range(7)]
    with raises_naming(ValueError, "fold", "4", "1, 2, 3"):
        load_shards(tmp_path / "out", fold=4)
    prepare_shards(rows.remove_columns("fold"), tmp_path / "no folds", **SMALL)
    with raises_naming(ValueError, "fold"):
        load_shards(tmp_path / "no folds", fold=1)


@pytest.mark.parametrize(
    ("name", "value"), [("on_problem", "ignore"), ("side_px", 0), ("jpeg_quality", 96), ("clips_per_shard", 0)]
)
def test_impossible_options_are_named(name, value, rows, tmp_path):
    with raises_naming(ValueError, name, repr(value)):
        prepare_shards(rows, tmp_path / "out", **{name: value})
    assert not (tmp_path / "out").exists()


def test_other_mistakes_are_named(rows, tmp_path, monkeypatch):
    empty = datasets.DatasetDict(train=rows["train"], test=rows["test"].select([]))
    with raises_naming(ValueError, "test"):
        prepare_shards(empty, tmp_path / "out", **SMALL)
    with raises_naming(FileNotFoundError, tmp_path, "prepare_settings.json"):
        load_shards(tmp_path)
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with raises_naming(OSError, tmp_path / "full", "0 MB"):
        prepare_shards(rows, tmp_path / "full", **SMALL)
    assert json.loads((tmp_path / "full" / "prepare_settings.json").read_text())["side_px"] == 32


def test_frames_of_a_long_video_are_all_there(rows):
    """70 frames are decoded in two parts."""
    video = rows["test"][1]["video"]
    frames, _ = module.read_clip(video, range)
    encoded = module.encode_frames(video, side_px=100, jpeg_quality=95)
    assert len(encoded) == len(frames) == 70
    for frame, image in zip(frames, encoded, strict=True):
        decoded = np.array(Image.open(module.io.BytesIO(image["bytes"])))
        assert torch.from_numpy(decoded - frame.astype(int)).abs().float().mean() < 12


def test_shards_of_clips_that_were_replaced_are_written_anew_and_the_others_kept(rows, tmp_path, capsys):
    folder = tmp_path / "out"
    prepare_shards(with_content_ids(rows), folder, **SMALL)
    kept = {file.name: file.stat().st_mtime_ns for file in (folder / "data").iterdir()}
    clip = Path(rows["train"][3]["video"])
    write_folder(tmp_path / "new", 6, seed=77)
    for frame in clip.iterdir():  # in place: neither the folder nor its list changes
        frame.write_bytes((tmp_path / "new" / frame.name).read_bytes())
    now = with_content_ids(rows)
    capsys.readouterr()
    prepare_shards(now, folder, **SMALL)
    check_named(capsys.readouterr().out, "train-00001-of-00003.parquet", "clip3")
    written = {file.name for file in (folder / "data").iterdir() if kept[file.name] != file.stat().st_mtime_ns}
    assert written == {"train-00001-of-00003.parquet"}
    shards = load_shards(folder)
    assert shards["train"]["content_id"] == now["train"]["content_id"]
    prepare_shards(now, tmp_path / "at once", **SMALL)
    assert undecoded(shards["train"]) == undecoded(load_shards(tmp_path / "at once")["train"])


def test_a_killed_second_call_leaves_no_stale_shard_behind(rows, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    prepare_shards(with_content_ids(rows), folder, **SMALL)
    (Path(rows["train"][4]["video"]) / "1.jpg").write_bytes((Path(rows["train"][4]["video"]) / "2.jpg").read_bytes())

    def kill(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "write_shard", kill)
    with pytest.raises(KeyboardInterrupt):
        prepare_shards(with_content_ids(rows), folder, **SMALL)
    with raises_naming(FileNotFoundError, "2 shards", "train"):
        load_shards(folder)


def test_shards_of_an_earlier_version_go_on_without_identifiers(rows, tmp_path, capsys):
    folder = tmp_path / "out"
    prepare_shards(rows, folder, **SMALL)
    settings = json.loads((folder / "prepare_settings.json").read_text())
    settings.pop("content_id")
    (folder / "prepare_settings.json").write_text(json.dumps(settings))
    (folder / "data" / "test-00000-of-00001.parquet").unlink()
    capsys.readouterr()
    prepare_shards(with_content_ids(rows), folder, **SMALL)
    check_named(capsys.readouterr().out, folder, "earlier version", "Delete")
    shards = load_shards(folder)
    assert "content_id" not in shards["test"].column_names and len(shards["test"]) == 2


@pytest.mark.parametrize("place", ["frames", "file"])
def test_a_damaged_shard_is_named(rows, tmp_path, place):
    """A byte of a frame, or the second half of the file."""
    if place == "frames" and "fragment_scan_options" not in {field.name for field in fields(ParquetConfig)}:
        pytest.skip("this version of datasets compares no checksums")
    prepare_shards(rows, tmp_path / "out", **SMALL)
    file = tmp_path / "out" / "data" / "train-00001-of-00003.parquet"
    content = file.read_bytes()
    if place == "file":
        file.write_bytes(content[: len(content) // 2])
    else:
        found = content.index(b"\xff\xd8") + 200
        file.write_bytes(content[:found] + bytes([content[found] ^ 1]) + content[found + 1 :])
    with raises_naming(ValueError, tmp_path / "out", "damaged"):
        load_shards(tmp_path / "out", cache_dir=tmp_path / "cache")
    file.unlink()
    prepare_shards(rows, tmp_path / "out", **SMALL)
    assert load_shards(tmp_path / "out")["train"].num_rows == 5


def test_a_shard_with_a_column_whose_name_is_no_utf8_is_named(rows, tmp_path):
    prepare_shards(rows, tmp_path / "out", **SMALL)
    file = tmp_path / "out" / "data" / "train-00001-of-00003.parquet"
    file.write_bytes(file.read_bytes().replace(b"num_frames", b"num_\x80rames"))
    with raises_naming(ValueError, file, "not readable as Parquet"):
        load_shards(tmp_path / "out", cache_dir=tmp_path / "cache")


def test_no_changed_byte_of_the_description_of_a_shard_is_believed(rows, tmp_path):
    """Columns and classes are as they were written, or the shard is named."""
    prepare_shards(rows, tmp_path / "out", **SMALL)
    whole = load_shards(tmp_path / "out")["train"].features
    file = tmp_path / "out" / "data" / "train-00000-of-00003.parquet"
    content, refused = file.read_bytes(), 0
    start = content.index(b"ARROW:schema")
    for place in range(start, len(content) - 8, (len(content) - start) // 25):
        file.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        try:
            assert load_shards(tmp_path / "out", cache_dir=tmp_path / str(place))["train"].features == whole, place
        except ValueError as error:
            assert str(tmp_path / "out") in str(error), place
            refused += 1
    assert refused > 5


class TestShardsOfOthers:
    """What a stranger may have put into a folder of shards."""

    @pytest.fixture
    def folder(self, rows, tmp_path) -> Path:
        prepare_shards(rows, tmp_path / "out", **SMALL)
        return tmp_path / "out"

    def change(self, folder: Path, change) -> Path:
        """Changes the second clip of the second shard, rows 2 and 3 of the split."""
        file = folder / "data" / "train-00001-of-00003.parquet"
        table = pq.read_table(file)
        columns = table.to_pydict()
        change(columns)
        pq.write_table(pa.table(columns, schema=table.schema), file)
        return file

    @pytest.mark.parametrize("frame", [None, {"bytes": None, "path": "/dev/zero"}, {"bytes": None, "path": "{}"}])
    def test_a_path_instead_of_a_frame_is_refused(self, folder, tmp_path, frame):
        private = tmp_path / "private.jpg"
        Image.new("RGB", (32, 32)).save(private)
        frame = frame and {"bytes": None, "path": frame["path"].format(private)}
        self.change(folder, lambda columns: columns["video"][1].__setitem__(2, frame))
        with raises_naming(ValueError, folder, "train", "clip3"):
            load_shards(folder)

    @pytest.mark.parametrize("label", [-100, -1, 7, None])
    def test_a_label_that_does_not_exist_is_refused(self, folder, label):
        self.change(folder, lambda columns: columns["label"].__setitem__(1, label))
        with raises_naming(ValueError, folder, "train", "clip3", str(label)):
            load_shards(folder)

    def test_a_clip_without_frames_is_refused(self, folder):
        self.change(folder, lambda columns: columns["video"].__setitem__(0, []))
        with raises_naming(ValueError, folder, "train", "clip2"):
            load_shards(folder)

    def test_a_pipe_is_not_opened(self, folder):
        file = folder / "data" / "train-00001-of-00003.parquet"
        file.unlink()
        os.mkfifo(file)
        with raises_naming(ValueError, file):
            load_shards(folder)

    def test_other_columns_are_refused(self, folder):
        file = folder / "data" / "train-00001-of-00003.parquet"
        pq.write_table(pq.read_table(file).drop_columns(["label"]), file)
        with raises_naming(ValueError, file, "label"):
            load_shards(folder)

    def test_paths_as_videos_are_refused(self, folder):
        for file in (folder / "data").iterdir():
            table = datasets.Dataset.from_parquet(str(file), cache_dir=str(folder / "cache")).remove_columns("video")
            table.add_column("video", ["/etc/passwd"] * len(table)).to_parquet(file)
        with raises_naming(ValueError, folder, "video"):
            load_shards(folder)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"clips": ["train"]}', '{"clips": {"../x": ""}}', "9" * 5000])
    def test_damaged_settings_are_named(self, folder, text):
        (folder / "prepare_settings.json").write_text(text)
        with raises_naming(ValueError, folder / "prepare_settings.json"):
            load_shards(folder)

    def test_a_damaged_shard_is_named(self, folder):
        file = folder / "data" / "train-00001-of-00003.parquet"
        content = bytearray(file.read_bytes())
        content[40:2000] = bytes(1960)
        file.write_bytes(content)
        with raises_naming(ValueError, folder):
            load_shards(folder)
        file.write_bytes(content[:100])
        with raises_naming(ValueError, file):
            load_shards(folder)

    def test_a_shard_that_unpacks_to_far_more_is_refused(self, folder):
        frame = bytes(2**22)
        self.change(folder, lambda columns: columns.__setitem__("video", [[{"bytes": frame, "path": None}] * 60] * 2))
        file = folder / "data" / "train-00001-of-00003.parquet"
        table = pq.read_table(file)
        pq.write_table(table, file, compression="zstd", use_dictionary=False)
        with raises_naming(ValueError, file, "unpacks"):
            load_shards(folder)


def test_paths_of_embedded_frames_are_not_carried(rows, tmp_path):
    """Neither the name of a file of whoever made the frames, nor what lies there here."""
    file = tmp_path / "me.jpg"
    Image.new("RGB", (32, 32)).save(file)
    features = rows["train"].features.copy()
    features["video"] = datasets.List(datasets.Image())
    named = {"bytes": file.read_bytes(), "path": "/home/me/me.jpg"}
    columns = {"num_frames": [1], "label": [0], "fold": [1], "scene": ["Action"]}
    for number, (frame, is_read) in enumerate([(named, True), ({"bytes": None, "path": str(file)}, False)]):
        clips = datasets.Dataset.from_dict(columns | {"clip_id": ["one"], "video": [[frame]]}, features)
        out = tmp_path / f"out{number}"
        if not is_read:
            with raises_naming(ClipProblems, "one", file):
                prepare_shards(datasets.DatasetDict(train=clips), out, **SMALL)
            continue
        prepare_shards(datasets.DatasetDict(train=clips), out, **SMALL)
        [row] = undecoded(load_shards(out)["train"])
        assert row["video"] == [{"bytes": file.read_bytes(), "path": None}]


def test_what_a_camera_has_written_does_not_go_into_shards(rows, tmp_path):
    """A place in EXIF, a comment, and a picture behind the picture; the pixels stay, upright."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    features = rows["train"].features.copy()
    features["video"] = datasets.List(datasets.Image())
    columns = {"num_frames": [1], "label": [0], "fold": [1], "scene": ["Action"], "clip_id": ["one"]}
    for orientation in (None, 6):
        exif[0x0112] = orientation or 1
        file = io.BytesIO()
        picture.save(file, "JPEG", exif=exif, comment=b"at home", quality=95)
        content = file.getvalue() + b"behind"
        clips = datasets.Dataset.from_dict(columns | {"video": [[{"bytes": content, "path": None}]]}, features)
        out = tmp_path / f"out{orientation}"
        prepare_shards(datasets.DatasetDict(train=clips), out, **SMALL)
        [row] = undecoded(load_shards(out)["train"])
        stored = row["video"][0]["bytes"]
        check_is_plain(stored)
        expected = decode_image(content, "a")
        assert expected.shape == ((32, 24, 3) if orientation == 6 else (24, 32, 3))
        assert np.abs(decode_image(stored, "a").astype(int) - expected).max() <= (120 if orientation else 0)


@pytest.mark.parametrize("name", ["video", "label"])
def test_a_shard_with_columns_of_other_kinds_is_named(rows, tmp_path, name):
    prepare_shards(rows, tmp_path / "shards", **SMALL)
    file = tmp_path / "shards" / "data" / "train-00001-of-00003.parquet"
    table = pq.read_table(file)
    place = table.column_names.index(name)
    other = {"video": [["/home/me/a.jpg"]] * len(table), "label": ["sad"] * len(table)}[name]
    pq.write_table(table.set_column(place, name, pa.array(other)), file)
    with raises_naming(ValueError, file, name):
        load_shards(tmp_path / "shards", cache_dir=tmp_path / "cache")
    pq.write_table(table.append_column(name, table.column(name)), file)
    with raises_naming(ValueError, file, name, "twice"):
        load_shards(tmp_path / "shards", cache_dir=tmp_path / "cache")
