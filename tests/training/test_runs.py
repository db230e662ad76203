from pathlib import Path

import pytest
from errors import raises_naming

from logoformer_hf.training.runs import Run, plan_runs


def test_one_run_is_in_the_output_folder_itself():
    assert plan_runs("out", [3], [42]) == [Run(3, 42, Path("out"))]


def test_several_runs_are_below_it_fold_by_fold():
    runs = plan_runs("out", [1, 2], [0, 1])
    assert [run.folder for run in runs] == [
        Path("out/fold-1/seed-0"),
        Path("out/fold-1/seed-1"),
        Path("out/fold-2/seed-0"),
        Path("out/fold-2/seed-1"),
    ]
    assert [run.folder.name for run in plan_runs("out", [None], [7, 8])] == ["seed-7", "seed-8"]
    assert [str(run) for run in plan_runs("out", [None, 5], [7])] == ["seed 7", "fold 5, seed 7"]


@pytest.mark.parametrize("file", ["run.json", "predictions.parquet"])
@pytest.mark.parametrize(
    ("there", "folds", "seeds"),
    [
        (".", [1], [42, 43]),  # `--fold 1`, then `--fold 1 --seeds 2`
        (".", [1, 2], [42]),
        ("seed-42", [None], [42]),
        ("fold-1", [1, 2], [42, 43]),
        ("fold-2/seed-42", [1, 2], [42]),
        ("fold-2/seed-42", [1], [42, 43]),
    ],
)
def test_runs_of_another_layout_in_the_folder_are_refused(tmp_path, there, folds, seeds, file):
    """A report would count them as further runs."""
    (tmp_path / there).mkdir(parents=True, exist_ok=True)
    (tmp_path / there / file).touch()
    with raises_naming(ValueError, tmp_path / there, "output_dir"):
        plan_runs(tmp_path, folds, seeds)


def test_further_runs_of_the_same_layout_are_welcome(tmp_path):
    for folder in ("seed-42", "seed-43"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "run.json").touch()
    assert len(plan_runs(tmp_path, [1], range(42, 45))) == 3
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "run.json").touch()
    assert len(plan_runs(tmp_path / "one", [2], [42])) == 1  # whether it is the same run, its settings tell
