"""The parts of a report on people."""

from dataclasses import replace

from errors import check_named
from predicted import make_run
from toys import run_info

from logoformer_hf.data.sources.crema_d import CLASSES
from logoformer_hf.evaluation.groups import GroupScores
from logoformer_hf.evaluation.people_text import describe_people
from logoformer_hf.evaluation.report import ProjectionNote, summarise_runs

GROUPS = [
    GroupScores("all", "", 9, 180, 6, 0.5, 0.4, 0.6),
    GroupScores("race", "Black | White", 1, 20, 5, 0.25, None, None),
]


def report_on(folder, **facts):
    run = run_info(label_names=CLASSES, **facts)
    return summarise_runs([make_run(folder, run, counts=[10] * 6)], ProjectionNote(missing="none"))


def test_nothing_is_known_of_the_people(tmp_path):
    assert describe_people(report_on(tmp_path, dataset="clips")) == []


def test_groups_and_human_voters(tmp_path):
    report = report_on(tmp_path, dataset="crema_d", dataset_name="CREMA-D", fold=2, num_folds=5)
    assert report.human.uar == 69.1
    heading, table, about, beside, recalls, _ = describe_people(replace(report, groups=GROUPS))
    check_named(heading, "groups of people")
    check_named(table, "50.00", "40.00 to 60.00", "Black \\| White")
    assert table.splitlines()[-1].rstrip(" |").endswith("-")
    check_named(about, "jackknife")
    check_named(beside, "Beside people")
    check_named(recalls, "36.0", "69.1")


def test_a_part_of_the_data_has_no_human_voters_beside(tmp_path):
    facts = {"dataset": "crema_d", "dataset_name": "CREMA-D", "fold": 2, "num_folds": 5}
    assert report_on(tmp_path, **facts, setup="labels by face vote").human is None
    assert report_on(tmp_path, **facts, split="train").human is None
