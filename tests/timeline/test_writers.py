"""Every format of a timeline, read again by a program that did not write it."""

import html
import itertools
import json
import math
import shutil
import subprocess
from xml.etree import ElementTree

import av
import pandas as pd
import pyarrow.parquet as pq
import pytest
import webvtt
from errors import raises_naming
from example_timelines import LABELS, nobody, two_people
from pympi.Elan import Eaf

from logoformer_hf.timeline import elan
from logoformer_hf.timeline.cues import spans_to_cues
from logoformer_hf.timeline.subtitles import timestamp
from logoformer_hf.timeline.writers import FORMATS, format_of, write_timeline

# names that are markup in one format or another
HOSTILE = ("<b>&amp; --> {\\an8}", "two\nlines\x00 \ufffe]]>")
HOSTILE_CUES = ["person 1: " + HOSTILE[0], "person 2: two lines\ufffd \ufffd]]>", "person 1: unsure", "no face"]


def write(timeline, folder, ending):
    path = folder / f"out.{ending}"
    write_timeline(timeline, path)
    assert list(folder.iterdir()) == [path]  # and nothing beside it
    return path


def subtitles_by_pyav(path):
    """Start and end in seconds and text of each subtitle, by FFmpeg's reader."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            if packet.pts is not None:
                texts = [line.dialogue.decode() for line in packet.decode()]
                found.append((float(packet.pts * packet.time_base), float(packet.duration * packet.time_base), *texts))
    return found


# --- tables


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_windows_are_read_by_pandas(tmp_path, ending):
    path = write(two_people(), tmp_path, ending)
    table = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path)
    assert list(table["track_id"]) == [1, 2, 1] and list(table["label"]) == ["happy", "sad", "unsure"]
    assert list(table["start_sec"]) == [0.0, 1.0, 3.0] and list(table["end_sec"]) == [1.9, 2.9, 4.9]
    assert list(table["score_happy"])[:2] == [0.75, 0.25] and list(table["is_short"]) == [False, True, False]
    assert table[["score", "score_happy", "score_sad"]].iloc[2].isna().all()
    assert list(table["y_px"]) == [20.5] * 3 and list(table["height_px"]) == [40.0] * 3


def test_parquet_has_the_facts_of_the_timeline(tmp_path):
    schema = pq.read_schema(write(two_people(), tmp_path, "parquet"))
    facts = json.loads(schema.metadata[b"logoformer_timeline"])
    assert facts["version"] == 1 and facts["source"] == "interview.mp4" and facts["model"] == "outputs/model"
    assert facts["temperature"] == 1.5 and facts["label_names"] == list(LABELS) and "drawn faces" in facts["notes"][0]
    assert facts["without_face"] == [{"start_sec": 5.0, "end_sec": 6.0}]


def test_scores_that_are_missing_are_null_in_parquet(tmp_path):
    table = pq.read_table(write(two_people(), tmp_path, "parquet"))
    assert table["score_sad"].null_count == 1 and table["quality"].null_count == 0


def test_csv_is_short_and_plain(tmp_path):
    lines = write(two_people(), tmp_path, "csv").read_bytes().decode().split("\n")
    assert lines[0].startswith("track_id,start_sec,end_sec,label,score,score_happy,score_sad,x_px")
    assert lines[3].startswith("1,3.0,4.9,unsure,,,,10.0,20.5") and lines[4:] == [""]


# --- JSON


def test_json_holds_everything_and_is_strict(tmp_path):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    text = write(two_people(), tmp_path, "json").read_text()
    values = json.loads(text, parse_constant=refuse)
    assert values["tracks"] == [1, 2] and values["duration_sec"] == 6.0 and values["fps"] == 29.97
    assert values["windows"][0]["scores"] == {"happy": 0.75, "sad": 0.25}
    assert values["windows"][0]["frame_times_sec"] == [0.0, 1.9] and "crops" not in values["windows"][0]
    assert values["windows"][2]["scores"] == {"happy": None, "sad": None}
    assert values["windows"][1]["box"] == {"x_px": 10.0, "y_px": 20.5, "width_px": 30.0, "height_px": 40.0}
    assert values["segments"][0] == {
        "track_id": 1, "start_sec": 0.0, "end_sec": 2.5004, "label": "happy", "mean_score": 0.75,
    }  # fmt: skip
    assert values["segments"][1]["mean_score"] is None
    assert {(row["track_id"], row["label"]): row["episodes"] for row in values["summary"]} == {
        (1, "happy"): 1, (1, "unsure"): 1, (2, "sad"): 1,
    }  # fmt: skip


# --- subtitles

CUES = [
    ("00:00:00.000", "00:00:02.500", "person 1: happy"),
    ("00:00:01.000", "00:00:03.000", "person 2: sad"),
    ("00:00:02.500", "00:00:05.000", "person 1: unsure"),
    ("00:00:05.000", "00:00:06.000", "no face"),
]


def test_subtitles_are_read_by_webvtt(tmp_path):
    vtt = webvtt.read(str(write(two_people(), tmp_path, "vtt")))
    assert [(cue.start, cue.end, cue.text) for cue in vtt] == CUES
    assert "outputs/model" in vtt.header_comments[0] and "drawn faces" in vtt.header_comments[0]


def test_srt_is_read_by_webvtt(tmp_path):
    srt = webvtt.from_srt(str(write(two_people(), tmp_path, "srt")))
    assert [(cue.start, cue.end, cue.text) for cue in srt] == CUES


@pytest.mark.parametrize("ending", ["srt", "vtt"])
def test_subtitles_are_read_by_ffmpeg(tmp_path, ending):
    found = subtitles_by_pyav(write(two_people(), tmp_path, ending))
    assert [(start, round(start + duration, 3)) for start, duration, _ in found] == [
        (0, 2.5),
        (1, 3),
        (2.5, 5),
        (5, 6),
    ]
    assert [text.rpartition(",,")[2] for *_, text in found] == [text for *_, text in CUES]


def test_subtitles_play_under_the_video(tmp_path, write_video):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg")
    video, srt = write_video(tmp_path / "a.mp4", 10), tmp_path / "a.srt"
    write_timeline(two_people(), srt)
    muxed = tmp_path / "both.mkv"
    command = ["ffmpeg", "-loglevel", "error", "-i", video, "-i", srt, "-c", "copy", muxed]
    subprocess.run([str(part) for part in command], check=True)
    assert len(subtitles_by_pyav(muxed)) == 4


def test_a_timestamp_has_hours():
    assert timestamp(0) == "00:00:00.000" and timestamp(100 * 3_600_000 + 61_001) == "100:01:01.001"


# --- ELAN


def test_annotations_are_read_by_pympi(tmp_path):
    document = Eaf(str(write(two_people(), tmp_path, "eaf")))
    assert list(document.get_tier_names()) == ["person 1", "person 2", "no face"]
    assert document.get_annotation_data_for_tier("person 1") == [(0, 2500, "happy"), (2500, 5000, "unsure")]
    assert document.get_annotation_data_for_tier("person 2") == [(1000, 3000, "sad")]
    assert document.get_annotation_data_for_tier("no face") == [(5000, 6000, "no face")]
    assert (
        dict(document.properties)["model"] == "outputs/model" and "drawn faces" in dict(document.properties)["note 1"]
    )
    assert document.media_descriptors == []  # there is no file interview.mp4


@pytest.mark.parametrize(("name", "mime_type"), [("my video.mp4", "video/mp4"), ("a.mov", "video/quicktime")])
def test_the_video_is_linked_in_both_ways(tmp_path, name, mime_type):
    video, path = tmp_path / "videos" / name, tmp_path / "results" / "a.eaf"
    video.parent.mkdir()
    video.touch()
    write_timeline(two_people(str(video)), path)
    [linked] = Eaf(str(path)).get_linked_files()
    assert linked["MEDIA_URL"] == f"file://{video}" and linked["MIME_TYPE"] == mime_type
    assert linked["RELATIVE_MEDIA_URL"] == f"../videos/{name}"


def test_a_video_beside_the_document_and_an_address_are_linked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.unheardof").touch()
    write_timeline(two_people("a.unheardof"), "b.eaf")
    [linked] = Eaf("b.eaf").get_linked_files()
    assert linked["RELATIVE_MEDIA_URL"] == "./a.unheardof" and linked["MIME_TYPE"] == "unknown"
    write_timeline(two_people("https://example.org/a.webm"), "b.eaf")
    [linked] = Eaf("b.eaf").get_linked_files()
    assert linked["MEDIA_URL"] == "https://example.org/a.webm" and linked["MIME_TYPE"] == "video/webm"


def test_the_video_on_another_drive_is_linked_by_its_absolute_path(tmp_path, monkeypatch):
    def refuse(path, start):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr(elan.os.path, "relpath", refuse)
    (tmp_path / "a.mp4").touch()
    write_timeline(two_people(str(tmp_path / "a.mp4")), tmp_path / "a.eaf")
    [linked] = Eaf(str(tmp_path / "a.eaf")).get_linked_files()
    assert linked["MEDIA_URL"].endswith("/a.mp4") and "RELATIVE_MEDIA_URL" not in linked


def test_what_a_killed_process_left_is_not_kept(tmp_path):
    (tmp_path / ".partial-out.eaf").write_text("half")
    (tmp_path / "out.eaf").write_text("old")
    write(two_people(), tmp_path, "eaf")


def test_annotations_never_overlap_and_have_a_length():
    spans = [(0.0, 1.0004, "a"), (1.0004, 1.0006, "b"), (1.0006, 1.0006, "c"), (0.99, 3.0, "d")]
    cues = spans_to_cues(spans)
    assert all(cue.start_ms < cue.end_ms for cue in cues)
    assert all(before.end_ms <= after.start_ms for before, after in itertools.pairwise(cues))


# --- what is the same for all


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("duration_sec", [4.0, 0.0])
def test_a_video_without_a_face(tmp_path, ending, duration_sec):
    path = write(nobody(duration_sec), tmp_path, ending)
    expected = [("00:00:00.000", "00:00:04.000", "no face")] if duration_sec else []
    if ending in ("parquet", "csv"):
        table = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path)
        assert len(table) == 0 and {"track_id", "score_happy", "is_short"} <= set(table.columns)
    elif ending == "json":
        values = json.loads(path.read_text())
        assert values["windows"] == values["segments"] == values["summary"] == values["tracks"] == []
        assert values["notes"] == ["No face was found."] and values["fps"] is None
    elif ending == "vtt":
        assert [(cue.start, cue.end, cue.text) for cue in webvtt.read(str(path))] == expected
    elif ending == "srt":
        found = webvtt.from_srt(str(path)) if expected else path.read_text().split()
        assert [(cue.start, cue.end, cue.text) for cue in found] == expected
    else:
        document = Eaf(str(path))
        assert list(document.get_tier_names()) == ["no face"]
        assert document.get_annotation_data_for_tier("no face") == ([(0, 4000, "no face")] if expected else [])


@pytest.mark.parametrize("ending", FORMATS)
def test_names_that_are_markup_are_escaped(tmp_path, ending):
    timeline = two_people("a\udcff<.mp4", HOSTILE, model="<model> --> & \x01", notes=["a\nb --> c"])
    path = write(timeline, tmp_path, ending)
    if ending == "vtt":
        cues = list(webvtt.read(str(path)))
        assert [html.unescape(cue.text) for cue in cues] == HOSTILE_CUES
        assert path.read_text().count("-->") == 4  # one a cue
    elif ending == "srt":
        assert [text.rpartition(",,")[2] for *_, text in subtitles_by_pyav(path)] == [
            "person 1: \u2039b\u203a&amp; --\u203a (\\an8)",
            "person 2: two lines\ufffd \ufffd]]\u203a",
            "person 1: unsure",
            "no face",
        ]
    elif ending == "eaf":
        ElementTree.parse(path)
        document = Eaf(str(path))
        assert [text for *_, text in document.get_annotation_data_for_tier("person 1")] == [HOSTILE[0], "unsure"]
        assert [text for *_, text in document.get_annotation_data_for_tier("person 2")] == [
            "two lines\ufffd \ufffd]]>"
        ]
    elif ending == "json":
        values = json.loads(path.read_text())
        assert values["source"] == "a?<.mp4" and values["segments"][0]["label"] == HOSTILE[0]
    else:
        table = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, lineterminator="\n")
        assert len(table) == 3 and table["label"][0] == HOSTILE[0]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_is_written_whole_or_not_at_all(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    path.write_text("old")
    broken = two_people()
    broken.segments[1] = broken.windows[1] = "no segment, no window"
    with pytest.raises(AttributeError):
        write_timeline(broken, path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_ending_chooses_the_format(tmp_path):
    assert format_of("a.b/c.SRT") == "srt"
    write_timeline(two_people(), str(tmp_path / "new" / "A.CSV"))
    assert (tmp_path / "new" / "A.CSV").read_text().startswith("track_id")


@pytest.mark.parametrize("name", ["out.xlsx", "out", ".csv"])
def test_an_unknown_format_is_named_beside_those_there_are(tmp_path, name):
    with raises_naming(ValueError, name, *FORMATS):
        write_timeline(two_people(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_never_reach_a_file(tmp_path):
    timeline = two_people(duration_sec=math.inf, fps=math.nan)
    values = json.loads(write(timeline, tmp_path, "json").read_text())
    assert values["duration_sec"] is None and values["fps"] is None
