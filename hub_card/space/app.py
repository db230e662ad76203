"""A page that shows the scores of the expressions in a clip of a face, and the global attention of the model."""

import html
import os
import sys
from pathlib import Path

import gradio as gr
from analyse import ClipReader, Reading
from pictures import STYLE, looked_at, seen_frames

EXAMPLES = sorted((Path(__file__).parent / "examples").glob("*.mp4"))
# Every minute, uploaded clips that are older than ten minutes are deleted.
DELETE_EVERY_SEC, DELETE_AFTER_SEC = 60, 600

INTRODUCTION = """
# Which expression does this face show?

Upload a short clip of **one face that fills most of the picture**, or record one. LOGO-Former reads sixteen frames,
spread over the whole clip, and classifies their expression. It does not detect faces: crop the clip to the face.

An expression is not an emotion: the model classifies the look of a face, not what a person feels.
"""
ABOUT = """
**The examples are drawn.** No real face comes with this page.

**Your clip** is sent to the machine that runs this page and is deleted there after about ten minutes. This page stores
nothing else and keeps no history, neither there nor in your browser.

**Not for judging people.** Accuracy is lower for faces, cameras and cultures that the training data lacks, and the
model returns scores even if there is no face. To infer emotions of people at work or in schools from such readings is
forbidden in the EU (Regulation 2024/1689, Article 5(1)(f)).

Model: `{model_id}`
"""


def build_page(reader: ClipReader, model_id: str) -> gr.Blocks:
    """The page of the Space: input of a clip, scores, and details on frames and attention."""

    def read(path: str | None) -> tuple[dict[str, float] | None, str]:
        if path is None:
            return None, ""
        try:
            reading = reader.read(path)
        except ValueError as error:
            message = str(error).replace(path, Path(path).name)
            return None, f'<p class="problem" role="alert">{html.escape(message)} Try another clip.</p>'
        return reading.scores, explain(reading)

    with gr.Blocks(
        title="LOGO-Former: expressions from video",
        analytics_enabled=False,
        delete_cache=(DELETE_EVERY_SEC, DELETE_AFTER_SEC),
    ) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2):
                clip = gr.Video(label="Clip of one face", sources=["upload", "webcam"])
                gr.Examples(
                    [[str(path)] for path in EXAMPLES],
                    clip,
                    label="Drawn examples",
                    example_labels=[path.stem for path in EXAMPLES],
                )
            scores = gr.Label(label="Expression and scores", scale=3)
        details = gr.HTML(label="Input frames and attention", elem_id="details")
        gr.Markdown(ABOUT.format(model_id=model_id))
        clip.change(read, clip, [scores, details], api_name="read")
    return page


def explain(reading: Reading) -> str:
    """The input frames of the model and its global attention, as HTML."""
    seen = (
        f"<h2>The {len(reading.frames)} input frames of the model</h2>"
        f"<p>Cropped and resized; below each its number, of {reading.num_frames} in the clip.</p>"
        f"{seen_frames(reading)}"
    )
    if reading.looks is None:
        return f"{seen}<p>This model has no global attention.</p>"
    return (
        f"{seen}<h2>Global attention of each window</h2>"
        "<p>Each block is one window of space and time. Its colour is the share of global attention that the window's "
        "summary gets, averaged over all tokens, heads and layers. It shows which windows the tokens attend to; it "
        "does not explain the scores, and does not show local attention and the frame encoder.</p>"
        f"{looked_at(reading)}"
        '<p class="scale">an even share or less <span></span> four times that</p>'
    )


def main() -> None:
    """Starts the page for the model in the environment variable `MODEL_ID`."""
    model_id = os.environ.get("MODEL_ID")
    if not model_id:
        sys.exit("MODEL_ID is not set; it must be the repository of the model (me/my-logoformer) or a folder.")
    build_page(ClipReader(model_id), model_id).launch(
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
        max_file_size="200mb",
        run_history=False,
    )


if __name__ == "__main__":
    main()
