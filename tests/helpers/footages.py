"""Footage that is read at once."""

from logoformer_hf.faces.footage import Footage, FootageFrame


def read(source, **options) -> tuple[list[FootageFrame], Footage]:
    with Footage(source, **options) as footage:
        return list(footage), footage


def times_of(frames) -> list[float]:
    return [frame.time_sec for frame in frames]
