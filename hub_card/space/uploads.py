"""Which files the page opens: those that visitors upload, whatever is asked of it without the page."""

import os
from pathlib import Path
from typing import TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from logoformer_hf.reading_limits_logoformer import VideoReadError

REFUSED = "Only uploaded videos are read. Upload the video, or record one."
Component = TypeVar("Component", bound=gr.components.Component)


def without_addresses(component: Component) -> Component:
    """The component, which refuses addresses: Gradio itself would download the file."""
    move = component.async_move_resource_to_block_cache

    async def move_file(path: str | Path | None) -> str | None:
        if path is not None and "://" in str(path):
            raise gr.Error(REFUSED)
        return await move(path)

    component.async_move_resource_to_block_cache = move_file  # type: ignore[method-assign]
    return component


def check_uploaded(path: str) -> None:
    """Raises a `VideoReadError` for all but a file in the folder of uploads, links followed."""
    place, folder = Path(os.path.realpath(path)), Path(os.path.realpath(get_upload_folder()))
    if not place.is_relative_to(folder) or not place.is_file():
        raise VideoReadError(REFUSED)
