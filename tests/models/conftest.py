from pathlib import Path

import pytest
from video_models import KINDS, save


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> dict[str, Path]:
    """A folder with a model of each kind, with the seven expressions."""
    return {kind: save(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture(scope="session")
def videos(tmp_path_factory, write_video) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / f"{number}.mp4", 20, codec="mpeg4", seed=number) for number in range(3)]
