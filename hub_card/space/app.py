"""A page that reads a video: who is in it, which expression each face shows when, and where the model looked."""

import html
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr
from carried import use_carried_package

use_carried_package()

from convert import to_mp4  # noqa: E402
from reading import Reader, Reading  # noqa: E402
from report import charts, chosen_window, progress_line  # noqa: E402
from uploads import check_uploaded, without_addresses  # noqa: E402

from logoformer_hf._text import shown_name  # noqa: E402
from logoformer_hf._visitors import told_to_visitors  # noqa: E402

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE / "examples").glob("*.mp4"))
# Every minute, uploaded videos that are older than ten minutes are deleted; faces in memory are, too.
DELETE_EVERY_SEC, DELETE_AFTER_SEC = 60, 600
DETECTOR_VARIABLE = "LOGOFORMER_DETECTOR"  # path of another face detector than that from the Hub
# Videos that are read at the same time, and those that wait for it; who comes then is asked to come back.
WORKERS_VARIABLE, NUM_WORKERS, MAX_WAITING = "LOGOFORMER_WORKERS", 4, 32
# Seconds after which a reading ends with what it has, so that the next visitor's turn comes.
TIME_VARIABLE, READING_SEC = "LOGOFORMER_READING_SEC", 600
CONVERTED = [".gif", ".avi", ".flv", ".mkv", ".mov", ".mpg", ".ts", ".wmv"]

INTRODUCTION = """
# Who shows which expression when?

Upload a video, or record one. Faces are found and followed; LOGO-Former classifies the expression of each face four
times a second, from two seconds of it at a time. Times without a face, and faces that cannot be read, are results too.

An expression is not an emotion: the model classifies the look of a face, not what a person feels.
"""
ABOUT = """
**The examples are drawn.** No real face comes with this page.

**Your video** is sent to the machine that runs this page and is deleted there after about ten minutes. Pictures of the
faces in it are kept in that machine's memory for as long, so that you can look at them. This page stores nothing else
and keeps no history, neither there nor in your browser.

**Not for judging people.** Accuracy is lower for faces, cameras and cultures that the training data lacks. To infer
emotions of people at work or in schools from such readings is forbidden in the EU (Regulation 2024/1689, Article
5(1)(f)).

Model: `{model_id}`
"""


def build_page(reader: Reader | None, model_id: str) -> gr.Blocks:
    """The page of the Space: a video, the charts of its people, and frames and attention of a chosen window."""

    def read(path: str | None) -> Iterator[tuple]:
        """Outputs: the reading, its state, the charts, details, and whether it can be stopped."""
        if path is None:
            yield None, "", "", "", gr.update(visible=False)
            return
        try:
            check_uploaded(path)
            for reading in reader.read(path, number_in(TIME_VARIABLE, READING_SEC)):
                stop = gr.update(visible=not reading.is_done)
                yield reading, progress_line(reading), charts(reading), "", stop
        except Exception as error:  # whatever a video does, its visitor gets an answer
            yield None, problem(f"{message_of(error, path)} Try another video."), "", "", gr.update(visible=False)

    def choose(reading: Reading | None, event: gr.EventData) -> str:
        if reading is None:
            return problem("The video was deleted after ten minutes. Upload it again.")
        try:
            return chosen_window(reading, reader.looker, event.track_id, event.center_sec)
        except Exception as error:
            return problem(f"{told_to_visitors(error, '', 'This moment')} Choose another one.")

    def convert(path: str) -> str:
        try:
            check_uploaded(path)
            return to_mp4(path, number_in(TIME_VARIABLE, READING_SEC))
        except Exception as error:
            raise gr.Error(message_of(error, path)) from error

    with gr.Blocks(
        title="LOGO-Former: expressions from video",
        analytics_enabled=False,
        delete_cache=(DELETE_EVERY_SEC, DELETE_AFTER_SEC),
    ) as page:
        reading = gr.State(time_to_live=DELETE_AFTER_SEC)
        gr.Markdown(INTRODUCTION)
        video = without_addresses(gr.Video(label="Video", sources=["upload", "webcam"], elem_id="clip"))
        with gr.Row():
            other = without_addresses(
                gr.UploadButton(
                    "Upload a GIF, or a video that your browser does not play", file_types=CONVERTED, size="sm"
                )
            )
            stop = gr.Button("Stop reading", variant="stop", visible=False, size="sm")
        # Not `gr.Examples`, which writes into page and /config where the files are on this machine.
        gr.Markdown("Drawn examples")
        with gr.Row():
            for path in EXAMPLES:
                example = gr.Button(path.stem.replace("-", " "), size="sm")
                example.click(partial(str, path), None, video, api_name=False, show_progress="hidden")
        status = gr.HTML(label="State", elem_id="status")
        timeline = gr.HTML(label="Charts", elem_id="timeline", js_on_load="connectCharts(element, trigger);")
        details = gr.HTML(label="Chosen window", elem_id="details")
        gr.Markdown(ABOUT.format(model_id=Path(model_id).name if Path(model_id).is_dir() else model_id))

        # Whatever comes next, the video before is not read on.
        video.change(stop_reading, reading, None, queue=False, show_progress="hidden", api_name=False)
        workers = {"concurrency_limit": number_in(WORKERS_VARIABLE, NUM_WORKERS), "concurrency_id": "videos"}
        outputs = [reading, status, timeline, details, stop]
        video.change(read, video, outputs, show_progress="hidden", api_name="read", **workers)
        other.upload(convert, other, video, api_name=False, **workers)
        stop.click(stop_reading, reading, None, queue=False, show_progress="hidden", api_name=False)
        timeline.select(choose, reading, details, show_progress="minimal", api_name=False, concurrency_limit=None)
    return page.queue(max_size=MAX_WAITING)


def stop_reading(reading: Reading | None) -> None:
    """Lets the reading end with what it has."""
    if reading is not None:
        reading.is_stopped = True


def problem(text: str) -> str:
    """A message about what went wrong, as HTML."""
    return f'<p class="problem" role="alert">{html.escape(text)}</p>'


def message_of(error: Exception, path: str) -> str:
    """What went wrong, with the name of the uploaded file instead of its place, and no place of this machine."""
    return told_to_visitors(error, path, shown_name(Path(path).name))


def number_in(variable: str, otherwise: int) -> int:
    """A whole number above zero in an environment variable."""
    text = os.environ.get(variable, str(otherwise))
    if not text.isascii() or not text.isdigit() or not int(text[:9]):
        sys.exit(f"{variable} is {text!r}; it must be a whole number above zero.")
    return int(text[:9])


def main() -> None:
    """Starts the page for the model in the environment variable `MODEL_ID`."""
    model_id = os.environ.get("MODEL_ID")
    if not model_id:
        sys.exit("MODEL_ID is not set; it must be the repository of the model (me/my-logoformer) or a folder.")
    try:
        reader = Reader(model_id, os.environ.get(DETECTOR_VARIABLE, "default"))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    build_page(reader, model_id).launch(
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=(HERE / "style.css").read_text(encoding="utf-8"),
        head=f"<script>{(HERE / 'page.js').read_text(encoding='utf-8')}</script>",
        max_file_size="200mb",
        allowed_paths=[str(HERE / "examples")],
        run_history=False,
    )


if __name__ == "__main__":
    main()
