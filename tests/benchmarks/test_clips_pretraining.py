"""What masked pretraining on clips brings: the measurement, small, and with trainings that are replaced."""

import json

import numpy as np
import pytest
import torch
from errors import check_named, raises_naming

from logoformer_hf.benchmarks import clips_pretraining
from logoformer_hf.benchmarks.clips_pretraining import (
    ARMS,
    LabelledClips,
    LabelledStills,
    Setting,
    labelled_places,
    main,
    measure,
    prepare,
)


@pytest.fixture(scope="module")
def few():
    """Few clips instead of thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips_pretraining, "CLIPS", {"train": 28, "validation": 7, "test": 7})
        patch.setattr(clips_pretraining, "SHARE", 0.25)
        patch.setattr(clips_pretraining, "VIEWS", 1)
        yield


@pytest.fixture(scope="module")
def folder(few, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measurement")
    prepare(folder, 1)
    return folder


def test_a_seed_has_all_clips_of_some_people(few, folder):
    rows = prepare(folder, 1)
    people = rows["train"]["identity"]
    places = labelled_places(rows, 0)
    assert len(places) == 7 and len({people[place] for place in places}) == 1
    assert {people[place] for place in range(28) if place not in places}.isdisjoint({people[places[0]]})
    assert sorted(rows["train"]["label"][place] for place in places) == list(range(7))
    assert any(labelled_places(rows, seed) != places for seed in (1, 2, 3))


def test_stills_are_frames_of_the_labelled_clips(few, folder):
    places = [3, 9, 20]
    clips, stills = (kind(folder, places, 0) for kind in (LabelledClips, LabelledStills))
    assert clips.labels == stills.labels and len(stills) == 3
    chosen = []
    for epoch in range(6):
        clips.set_epoch(epoch)
        stills.set_epoch(epoch)
        whole, batch = (each.__getitems__([2, 0]) for each in (clips, stills))
        assert batch["frames"].shape == (2, 1, 3, 56, 56) and batch["labels"].tolist() == whole["labels"].tolist()
        is_frame = (whole["frames"] == batch["frames"]).flatten(2).all(dim=2)  # (clips, frames)
        assert is_frame.any(dim=1).all()
        chosen.append(is_frame.int().argmax(dim=1))
    assert len(torch.stack(chosen).unique()) > 2


def test_all_trainings_run_once_and_former_dfer_last(few, folder, monkeypatch, capsys):
    page = folder / "page.md"
    page.write_text("# Page\n\n<!-- clips -->\n<!-- end of clips -->\n")
    monkeypatch.setattr(clips_pretraining, "Setting", lambda: Setting(1, 1, 1))
    main([str(folder), "--seeds", "0", "1", "--page", str(page)])
    done = [line.split(": ")[0] for line in capsys.readouterr().out.splitlines() if line.startswith("seed ")]
    first = ("pretrain_clips", "pretrain_stills", "clips", "stills", "random")
    assert done[:5] == [f"seed 0, {name}" for name in first]
    assert done[-2:] == ["seed 1, dfer_clips", "seed 1, dfer_random"] and len(done) == 14
    results = [json.loads((folder / f"seed-{seed}" / "results.json").read_text()) for seed in (0, 1)]
    gain = 100 * np.mean([each["clips"]["uar"] - each["random"]["uar"] for each in results])
    check_named(page.read_text(), *(arm.title for arm in ARMS.values()), f"{gain:+.1f}", "2 paired seeds")
    before = page.read_text()
    main([str(folder), "--seeds", "0", "1", "--page", str(page)])
    assert page.read_text() == before and "seed 0, " not in capsys.readouterr().out
    with raises_naming(ValueError, folder / "seed-0", "another setting"):
        measure(folder, prepare(folder, 1), [0], Setting(9, 1, 1))
