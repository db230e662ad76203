from pathlib import Path

import datasets
import pytest
import torch
from errors import raises_naming
from pictures import save_jpegs, smooth_pictures
from toys import clip_rows

from logoformer_hf import EXPRESSIONS, LogoFormerVideoProcessor, VideoReadError
from logoformer_hf.data.clips import NOT_COUNTED, ClipDataset, check_rows, keep_labels, missing_paths
from logoformer_hf.data.collator import collate_clips
from logoformer_hf.data.identity import row_ids
from logoformer_hf.data.rows import clip_features
from logoformer_hf.data.shards import load_shards, prepare_shards
from logoformer_hf.data.transforms import TrainingTransforms

SIZE = 32


@pytest.fixture(scope="module")
def processor() -> LogoFormerVideoProcessor:
    return LogoFormerVideoProcessor(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})


@pytest.fixture(scope="module")
def videos(tmp_path_factory, write_video) -> list[Path]:
    """Six clips, of which one is shorter than 16 frames."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        write_video(folder / f"{number}.mp4", num_frames, codec="mpeg4", seed=number)
        for number, num_frames in enumerate((40, 40, 90, 20, 9, 60))
    ]


def training_clips(videos, processor, seed: int = 0, epoch: int = 0) -> ClipDataset:
    clips = ClipDataset(clip_rows(videos), processor, TrainingTransforms(SIZE), seed=seed)
    clips.set_epoch(epoch)
    return clips


def read_all(clips: ClipDataset, num_workers: int = 0) -> torch.Tensor:
    loader = torch.utils.data.DataLoader(clips, batch_size=2, num_workers=num_workers)
    return torch.cat([batch["frames"] for batch in loader])


def test_training_item_depends_on_seed_epoch_and_clip_alone(videos, processor):
    expected = read_all(training_clips(videos, processor))
    assert expected.shape == (6, 16, 3, SIZE, SIZE)
    assert expected.dtype == torch.uint8
    torch.manual_seed(1)  # workers are seeded from the global state
    assert torch.equal(read_all(training_clips(videos, processor), num_workers=2), expected)
    backwards = training_clips(videos, processor)
    for index in reversed(range(6)):
        assert torch.equal(backwards[index]["frames"], expected[index])

    for other in ({"epoch": 1}, {"seed": 1}):
        changed = read_all(training_clips(videos, processor, **other))
        assert all(not torch.equal(a, b) for a, b in zip(changed, expected, strict=True))
    clips = training_clips(videos, processor, epoch=1)
    clips.set_epoch(0)
    assert torch.equal(read_all(clips), expected)

    renamed = ClipDataset(clip_rows([videos[1], videos[0]]), processor, TrainingTransforms(SIZE))
    assert not torch.equal(renamed[0]["frames"], expected[1])  # the clip's name, not its file, is what counts


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_that_stay_alive_follow_the_epoch(context, videos, processor):
    """They have a copy of the data set from before the epoch was set."""
    if context not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {context}")
    clips = training_clips(videos, processor)
    loader = torch.utils.data.DataLoader(
        clips, batch_size=2, num_workers=2, persistent_workers=True, multiprocessing_context=context
    )
    workers = set()
    for epoch in (0, 1, 5, 1):
        clips.set_epoch(epoch)
        given = torch.cat([batch["frames"] for batch in loader])
        assert torch.equal(given, read_all(training_clips(videos, processor, epoch=epoch))), epoch
        workers |= {worker.pid for worker in loader._iterator._workers}
    assert len(workers) == 2  # they did stay alive


def test_training_frames_come_from_random_places(videos, processor, monkeypatch):
    clips = training_clips(videos, processor)
    places = set()
    read_frames = LogoFormerVideoProcessor.sample_frames

    def record(self, *args, **kwargs):
        indices = read_frames(self, *args, **kwargs)
        places.add(tuple(indices))
        return indices

    monkeypatch.setattr(LogoFormerVideoProcessor, "sample_frames", record)
    for epoch in range(5):
        clips.set_epoch(epoch)
        clips[2]
    assert len(places) == 5


def test_evaluation_item_is_the_middle_resized(videos, processor):
    clips = ClipDataset(clip_rows(videos), processor, seed=5)
    whole = [processor(video, do_rescale=False, do_normalize=False, return_tensors="pt") for video in videos]
    expected = torch.cat([item["pixel_values"] for item in whole])
    assert torch.equal(read_all(clips), expected)
    clips.set_epoch(3)
    assert torch.equal(read_all(clips, num_workers=2), expected)
    assert expected.dtype == torch.uint8


def test_labels_are_known_without_reading(processor):
    clips = ClipDataset(clip_rows(["nowhere.mp4"] * 3, labels=[6, 0, 4]), processor)
    assert clips.labels == [6, 0, 4]
    assert len(clips) == 3


def test_labels_go_with_their_clips(videos, processor):
    clips = ClipDataset(clip_rows(videos[:2], labels=[6, 2]), processor)
    assert [clips[index]["label"] for index in range(2)] == [6, 2]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_unreadable_clip_is_named_through_a_worker(num_workers, tmp_path, processor):
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    # By its name: the worker's error is raised anew, with the traceback as its message.
    with raises_naming(ValueError, "clip 0", broken) as caught:
        read_all(ClipDataset(clip_rows([broken]), processor), num_workers)
    assert type(caught.value).__name__ == "VideoReadError"


@pytest.mark.parametrize("transforms", [None, TrainingTransforms(SIZE)], ids=["evaluation", "training"])
def test_a_clip_that_breaks_after_its_first_frame_is_kept_in_its_place(tmp_path, processor, transforms):
    """With its reason, and as one that does not count; the others are what they were."""
    for number in range(2):
        save_jpegs(tmp_path / str(number), smooth_pictures(20, 64, 72))
    whole = ClipDataset(clip_rows([tmp_path / "0", tmp_path / "1"]), processor, transforms)[0]
    for file in sorted((tmp_path / "1").iterdir())[1:]:
        file.write_bytes(b"")
    clips = ClipDataset(clip_rows([tmp_path / "0", tmp_path / "1"]), processor, transforms, keep_unreadable=True)
    assert clips.clip_ids == ["0", "1"]
    batch = collate_clips([clips[0], clips[1]])
    assert torch.equal(batch["frames"][0], whole["frames"]) and not batch["frames"][1].any()
    assert batch["labels"].tolist() == [0, NOT_COUNTED] and batch["clip_ids"] == ["0", "1"]
    assert list(batch["problems"]) == ["1"] and str(tmp_path / "1") in batch["problems"]["1"]


@pytest.fixture
def origins(tmp_path) -> dict[str, datasets.Dataset]:
    """The same clip of JPEGs in every form that a row can have."""
    files = [str(file) for file in save_jpegs(tmp_path / "clip", smooth_pictures(40, 64, 72))]
    contents = [{"bytes": Path(file).read_bytes(), "path": None} for file in files]
    columns = {"clip_id": ["one"], "num_frames": [40], "label": [2]}

    def rows_of(video, feature) -> datasets.Dataset:
        features = datasets.Features(clip_features() | {"video": feature})
        return datasets.Dataset.from_dict(columns | {"video": [video]}, features)

    text, image = datasets.Value("string"), datasets.Image()
    return {
        "folder": rows_of(str(tmp_path / "clip"), text),
        "files": rows_of(files, datasets.List(text)),
        "embedded": rows_of(contents, datasets.List(image)),
        "not decoded": rows_of(contents, datasets.List(datasets.Image(decode=False))),
    }


@pytest.mark.parametrize("transforms", [None, TrainingTransforms(SIZE)], ids=["evaluation", "training"])
def test_every_origin_of_a_row_gives_the_same_frames(transforms, origins, processor):
    items = {name: ClipDataset(rows, processor, transforms)[0] for name, rows in origins.items()}
    assert items["folder"]["frames"].shape == (16, 3, SIZE, SIZE)
    for name, item in items.items():
        assert torch.equal(item["frames"], items["folder"]["frames"]), name
        assert item["label"] == 2


def test_an_embedded_image_is_never_read_from_the_disk(tmp_path, origins, processor):
    """Whoever made the rows chose the path."""
    file = tmp_path / "clip" / "frame_0.jpg"
    file = file if file.exists() else sorted((tmp_path / "clip").iterdir())[0]
    content = file.read_bytes()
    for feature in (datasets.Image(), datasets.Image(decode=False)):
        for frame in ({"bytes": None, "path": str(file)}, {"bytes": None, "path": "/dev/zero"}):
            features = datasets.Features(clip_features() | {"video": datasets.List(feature)})
            video = [{"bytes": content, "path": "/dev/zero"}] * 15 + [frame]
            columns = {"clip_id": ["one"], "num_frames": [16], "label": [2], "video": [video]}
            clips = ClipDataset(datasets.Dataset.from_dict(columns, features), processor)
            with raises_naming(VideoReadError, "clip one", "frame 15", frame["path"]):
                clips[0]


def test_training_decodes_jpegs_no_larger_than_its_crops_need(origins, processor, monkeypatch):
    sizes = []
    for image_size in (SIZE, 28):
        transforms = TrainingTransforms(image_size)
        monkeypatch.setattr(transforms, "transforms", lambda frames: sizes.append(frames.shape[-2:]) or frames)
        ClipDataset(origins["embedded"], processor, transforms)[0]
    assert sizes == [(64, 64), (32, 32)]  # a crop of 32 x 32 needs 35 pixels, one of 28 x 28 needs 31


def test_unreadable_embedded_image_names_the_clip(origins, processor):
    broken = origins["not decoded"].map(lambda row: {"video": [{"bytes": b"no image", "path": None}] * 40})
    with raises_naming(VideoReadError, "clip one", "frame 1"):
        ClipDataset(broken, processor)[0]


def test_check_rows_looks_for_frames_where_rows_name_them(origins):
    def split(rows):
        rows = rows.cast_column("label", datasets.ClassLabel(names=["one", "two", "three"]))
        every = datasets.concatenate_datasets([rows.map(lambda row, n=n: {"label": n}) for n in range(3)])
        return datasets.DatasetDict(train=every, test=rows)

    for name in ("folder", "files", "embedded", "not decoded"):
        check_rows(split(origins[name]))
    gone = origins["files"].map(lambda row: {"video": [*row["video"][:-1], "gone/40.jpg"]})
    with raises_naming(FileNotFoundError, "train", "3", "gone/40.jpg"):
        check_rows(split(gone))


# --- rows


def split_rows(labels: list[int], videos: list | None = None) -> datasets.DatasetDict:
    videos = videos or [f"{number}.mp4" for number in range(len(labels))]
    return datasets.DatasetDict(
        {"train": clip_rows(videos, labels=labels), "test": clip_rows(videos[:2], labels=labels[:2])}
    )


def test_keep_labels_filters_and_renumbers():
    kept = keep_labels(split_rows([0, 6, 2, 0, 3, 6]), ["fear", "happy"])
    assert kept["train"].features["label"].names == kept["test"].features["label"].names == ["fear", "happy"]
    assert kept["train"]["label"] == [1, 0, 1, 0]
    assert kept["train"]["clip_id"] == ["0", "1", "3", "5"]
    assert kept["test"]["label"] == [1, 0]
    everything = keep_labels(split_rows([0, 6, 2]), list(EXPRESSIONS))
    assert everything["train"]["label"] == [0, 6, 2]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["happy", "joy"], ["'joy'", "surprise"]),
        (["happy", "sad", "happy"], []),
        (["happy"], []),
        ([], []),
    ],
)
def test_keep_labels_names_what_is_wrong(names, words):
    with raises_naming(ValueError, "labels", names, *words):
        keep_labels(split_rows([0, 1]), names)


def test_check_rows_passes_files_and_folders_of_every_class(videos, tmp_path):
    check_rows(split_rows(list(range(7)), [*videos, tmp_path]))


def test_check_rows_names_missing_videos(videos):
    rows = split_rows(list(range(7)), [*videos, "gone/a.mp4"])
    with raises_naming(FileNotFoundError, "train", "1 of 7", "gone/a.mp4") as caught:
        check_rows(rows)
    assert str(videos[0]) not in str(caught.value)
    rows = split_rows(list(range(7)), [*videos, videos[0]])
    rows["test"] = clip_rows([f"gone/{number}.mp4" for number in range(30)])
    with raises_naming(FileNotFoundError, "test", "30 of 30", "gone/0.mp4", "gone/2.mp4") as caught:
        check_rows(rows)
    assert "gone/3.mp4" not in str(caught.value)


def test_check_rows_names_empty_split_and_class(videos):
    rows = split_rows(list(range(7)), [*videos, videos[0]])
    empty = datasets.DatasetDict({**rows, "validation": rows["test"].select([])})
    with raises_naming(ValueError, "validation"):
        check_rows(empty)
    with raises_naming(ValueError, "train", "neutral", "fear", "labels"):
        check_rows(split_rows([0, 1, 3, 4, 5, 5], videos))


def test_rows_of_a_video_column_are_clips(videos, processor, tmp_path):
    """As `datasets` stores video files: their content, or the path alone."""
    rows = clip_rows(videos)
    stored = [{"bytes": video.read_bytes(), "path": None} for video in videos[:-1]] + [
        {"bytes": None, "path": str(videos[-1])}
    ]
    columns = {name: rows[name] for name in rows.column_names if name != "video"} | {"video": stored}
    features = datasets.Features(rows.features | {"video": datasets.Video(decode=False)})
    embedded = datasets.Dataset.from_dict(columns, features=features)
    assert torch.equal(read_all(ClipDataset(embedded, processor)), read_all(ClipDataset(rows, processor)))
    train = TrainingTransforms(SIZE)
    assert torch.equal(
        read_all(ClipDataset(embedded, processor, train)), read_all(ClipDataset(rows, processor, train))
    )
    assert row_ids(embedded) == row_ids(rows)
    check = {"train": embedded.select([0]), "test": embedded.select([5])}
    assert not missing_paths(embedded)
    lost = embedded.select([5]).map(lambda row: {"video": {"bytes": None, "path": "gone.mp4"}}, features=features)
    with raises_naming(FileNotFoundError, "gone.mp4"):
        check_rows(datasets.DatasetDict(check | {"test": lost}))
    shards = datasets.DatasetDict({"train": embedded.select([4, 5])})
    assert not prepare_shards(shards, tmp_path / "shards", num_workers=0)
    assert load_shards(tmp_path / "shards", cache_dir=tmp_path / "cache")["train"]["num_frames"] == [9, 60]
