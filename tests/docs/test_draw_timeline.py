"""The documentation's pictures of a timeline: made by real calls, of drawn people, with what they should show."""

import draw_timeline
import numpy as np
from PIL import Image

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.timeline.colours import expression_colours, rgb_of


def test_the_command_draws_both_pictures(tmp_path, tiny_folder, detector_file, monkeypatch, capsys):
    monkeypatch.setattr(draw_timeline.write_pictures, "__defaults__", ("default", 3.0, 1.5))
    draw_timeline.main([str(tmp_path), "--model", str(tiny_folder), "--detector", str(detector_file)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["overlay.png", "timeline.png"]
    assert "timeline.png" in capsys.readouterr().out
    overlay, timeline = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("overlay", "timeline"))
    assert overlay.shape[1] == 640 and overlay.shape[0] > 360 + 2 * 52  # the footage, and a row for each of two people
    assert timeline.shape[1] == 1800
    # A model without training is unsure, or sure of anything: there is a tag in one of the colours for each person.
    colours = [rgb_of(colour) for colour in expression_colours(EXPRESSIONS).values()]
    near = [np.abs(overlay[:360].astype(int) - colour).max(axis=-1) <= 12 for colour in colours]
    is_label = np.any(near, axis=0)
    assert is_label[:, :320].sum() > 300 and is_label[:, 320:].sum() > 300
