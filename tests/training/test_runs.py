from pathlib import Path

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
