"""Where outputs go, and what is refused before work begins."""

from pathlib import Path

import pytest
from errors import check_named, raises_naming
from example_timelines import nobody
from paths import DOCS

from logoformer_hf._files import write_text
from logoformer_hf.faces import quality
from logoformer_hf.timeline.arguments import PredictArguments
from logoformer_hf.timeline.inputs import OVERLAY_ENDING, Input
from logoformer_hf.timeline.outputs import (
    HIDDEN_BYTES,
    MAX_NAME_BYTES,
    PLOT_ENDING,
    PROBLEM_ENDING,
    output_places,
    plan_jobs,
)
from logoformer_hf.timeline.records import record_file
from logoformer_hf.timeline.saved_state import state_file
from logoformer_hf.timeline.window import MIN_SCORE
from logoformer_hf.timeline.writers import FORMATS

ONE = [Input("videos/a.mp4", "a.mp4")]
TWO = [*ONE, Input("videos/day1/b.mkv", "day1/b.mkv")]
CAMERA = [Input(0, "camera-0")]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def plan(videos, **options):
    return plan_jobs(videos, PredictArguments("m", **options))


def test_without_outputs_nothing_is_written():
    [job] = plan(ONE)
    assert job.outputs == [] and job.base is None and job.problem_file is None


def test_a_file_has_the_format_of_its_ending():
    [job] = plan(ONE, output="results/Mine.SRT", plot="p.svg", overlay="o.mp4")
    assert job.files == {"srt": Path("results/Mine.SRT")}
    assert job.outputs == [Path("results/Mine.SRT"), Path("o.mp4"), Path("p.svg")]
    assert job.base == Path("results/Mine.SRT") and job.problem_file == Path("results/Mine.SRT.problem.txt")


def test_a_folder_has_files_by_the_names_of_the_videos():
    first, second = plan(TWO, output="out", formats="csv, .SRT,csv", plot="pictures/", overlay="out")
    assert first.files == {"csv": Path("out/a.mp4.csv"), "srt": Path("out/a.mp4.srt")}
    assert second.files["csv"] == Path("out/day1/b.mkv.csv")
    assert second.overlay == Path("out/day1/b.mkv.overlay.mp4")
    assert second.plot == Path("pictures/day1/b.mkv.timeline.png")
    assert second.base == Path("out/day1/b.mkv")


def test_the_default_format_is_parquet():
    assert list(plan(TWO, output="out")[0].files) == ["parquet"]


def test_an_overlay_alone_has_a_base():
    [job] = plan(ONE, overlay="o/")
    assert job.files == {} and job.base == Path("o/a.mp4")


@pytest.mark.parametrize("name", ["dots.in.name/", "no_ending"])
def test_names_of_folders(name):
    assert plan(ONE, output=name)[0].files == {"parquet": Path(name) / "a.mp4.parquet"}


def test_a_folder_that_is_there_needs_no_slash():
    Path("v1.2").mkdir()
    Path("odd.csv").mkdir()
    assert plan(ONE, output="v1.2")[0].files == {"parquet": Path("v1.2/a.mp4.parquet")}
    assert plan(ONE, output="odd.csv")[0].files == {"parquet": Path("odd.csv/a.mp4.parquet")}
    places = [Path("v1.2"), Path("o.mp4"), Path("p")]
    assert output_places(PredictArguments("m", output="v1.2", overlay="o.mp4", plot="p")) == places


@pytest.mark.parametrize(
    ("videos", "options", "words"),
    [
        (ONE, {"output": "out.xlsx"}, ["--output out.xlsx", ".parquet", ".eaf", "'/'"]),
        (ONE, {"overlay": "out.avi"}, ["--overlay out.avi", ".mp4"]),
        (ONE, {"plot": "out.gif"}, ["--plot out.gif", ".png", ".svg"]),
        (TWO, {"output": "out.csv"}, ["--output out.csv", "2 videos", "folder"]),
        (TWO, {"overlay": "out.mp4"}, ["--overlay out.mp4", "2 videos"]),
        (TWO, {"plot": "out.png"}, ["--plot out.png", "2 videos"]),
        (ONE, {"output": "out.csv", "formats": "csv"}, ["--formats csv", "out.csv"]),
        (ONE, {"formats": "csv"}, ["--formats csv", "--output"]),
        (ONE, {"output": "out", "formats": "csv,xls"}, ["--formats csv,xls", "'xls'", "parquet"]),
        (ONE, {"output": "out", "formats": ""}, ["--formats", "parquet"]),
        (ONE, {"overlay": "videos/a.mp4"}, ["videos/a.mp4", "another name"]),
        (CAMERA, {"overlay": "o.mp4"}, ["camera-0", "second time"]),
    ],
)
def test_what_cannot_be_is_said_before_work_begins(videos, options, words):
    with raises_naming(ValueError, *words):
        plan(videos, **options)


def test_folders_that_cannot_be_written_to_are_found_before_work_begins():
    Path("file").touch()
    with raises_naming(OSError, "file"):
        plan(ONE, output="file/out.csv")
    Path("out/a.mp4.parquet").mkdir(parents=True)
    with raises_naming(ValueError, "out/a.mp4.parquet"):
        plan(ONE, output="out")


def test_a_name_is_refused_from_the_length_on_that_cannot_be_written():
    for letter, num_bytes in (("a", 1), ("\u0416", 2)):
        longest = letter * ((MAX_NAME_BYTES - HIDDEN_BYTES) // num_bytes)
        [job] = plan([Input(longest, longest)], output="out", plot="out", overlay="out")
        for path in (*job.outputs, job.problem_file, record_file(job.base), state_file(job.base)):
            write_text(path, "")
        with raises_naming(ValueError, longest, "too long"):
            plan([Input(longest, longest + letter)], output="out")
    name = "b" * 249
    assert plan([Input(name, name)])[0].outputs == [] and plan([Input(name, name)], output="b.csv")


def test_of_several_videos_only_that_is_set_aside_whose_outputs_cannot_have_their_names():
    long, taken = "c" * 250, "d.mp4"
    Path(f"out/{taken}.parquet").mkdir(parents=True)
    jobs = plan([*ONE, Input(long, long), Input(taken, taken)], output="out", plot="out", overlay="out")
    assert [len(job.outputs) for job in jobs] == [3, 0, 0]
    assert jobs[0].problem is None and jobs[1].base is None and jobs[1].problem_file is None
    check_named(jobs[1].problem, long, "too long")
    check_named(jobs[2].problem, f"out/{taken}.parquet", "folder")


def test_a_link_to_itself_is_no_reason_to_stop():
    Path("self.mp4").symlink_to("self.mp4")
    assert len(plan([Input("self.mp4", "self.mp4")], output="out", overlay="out")) == 1


def test_every_output_and_column_stands_in_the_documentation():
    outputs, footage = ((DOCS / name).read_text() for name in ("outputs.md", "footage.md"))
    base = Path("<name>")
    names = [f"<name>{ending}" for ending in (PLOT_ENDING, OVERLAY_ENDING, PROBLEM_ENDING)]
    check_named(outputs, *names, record_file(base).name, state_file(base).name, *(f".{name}" for name in FORMATS))
    check_named(footage, *(f"`{name}`" for name in FORMATS))
    columns = [name for name in nobody().frame().columns if name not in ("score_happy", "score_sad")]
    check_named(footage, *(f"`{name}`" for name in columns), "`score_<class>`")


def test_limits_of_the_quality_stand_in_the_documentation():
    page = (DOCS / "footage.md").read_text()
    limits = [quality.SHARPNESS, quality.FRONTAL, quality.INSIDE, quality.SCORE]
    check_named(page, *(f"| {first:g} | {second:g} |" for first, second in limits), f"below {quality.MIN_QUALITY:g}")
    check_named(page, *(f"| {limit:g} pixels |" for limit in quality.EYE_DISTANCE_PX), f"score of {MIN_SCORE:g}")
