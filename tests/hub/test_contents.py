"""Files that are what their names say leave; others do not."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cards import CALIBRATION, FULL_RESULTS
from errors import raises_naming
from paths import TESTS
from pushes import with_unknown_field
from toys import run_info

from logoformer_hf.data.facts import DataFacts, LeftOutClip
from logoformer_hf.data.trained_on import DataPart, SeenClips, TrainedOn, Training, read_trained_on, write_trained_on
from logoformer_hf.evaluation.predictions import load_runs, write_predictions
from logoformer_hf.evaluation.report_files import write_report
from logoformer_hf.hub.contents import as_written, check_content, own_file

REPORT = "# DFEW, test\n\nLOGO-Former.\n\n## UAR and WAR in percent\n"
CARD = "---\nlicense: other\n---\n\n# A model\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n"


STRANGE_FIELDS = (
    '"clips_per_split": {"/home/me/.ssh/id_rsa hunter2": 1}',
    '"clips_per_split": {"train": 1000000000}',
    '"test_confusion_matrix": [[109, 121, 32]]',
    '"test_confusion_matrix": [[1, 0], [0, -1]]',
    '"test_confusion_matrix": [[1, 0], [0, 568417100156885781]]',
    f'"test_num_clips": {"7" * 4000}',
    '"test_num_clips": 3.5',
    '"test_num_clips": -1',
    f'"test_focal": {"7" * 300}',
    '"test_focal": true',
    '"test_focal": -Infinity',
    '"test_recall": {"sad": 5}',
    '"test_empty_classes": ["sad", "sad"]',
    '"score_temperature": -3e300',
    '"seen_clips": {"trained_on": 56841710015688578181684}',
)


def check(tmp_path, name: str, content: str | bytes) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    check_content(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.md", REPORT),
        ("README.md", CARD),
        (
            "eval_results.json",
            '{"test_uar": 0.5, "epoch": 2.0, "train_loss": null, "test_recall": {"a -- b": null}, '
            '"test_empty_classes": ["a -- b"], "seen_clips": {"trained_on": 0, "is_comparable": true}}',
        ),
        ("report.json", '{"seeds": [], "over_seeds": null, "folds": [null]}'),
    ],
)
def test_what_this_package_writes_leaves(tmp_path, name, content):
    check(tmp_path, name, content)


def test_results_of_every_kind_leave(tmp_path):
    """Of `Trainer` with and without memory, of this package, and of a loss of somebody's own."""
    names = [f"{split}_{name}" for split in ("train", "test") for name in ("loss", "runtime", "steps_per_second")]
    names += ["epoch", "before_init_mem_cpu", "init_mem_gpu_alloc_delta", "test_mem_cpu_peaked_delta"]
    names += ["test_focal", "test_cross_entropy", *CALIBRATION]
    check(tmp_path, "eval_results.json", json.dumps(FULL_RESULTS | dict.fromkeys(names, 0.5)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("report.md", content) for content in (KEY, "# key\nPASSWORD=x\n", CARD, REPORT + "\0", b"# \xff\xfe")),
        *(("README.md", content) for content in (KEY, REPORT, "---\n[]\n---\n# a\n", "---\na: [\n---\n# a\n")),
        *(("README.md", content) for content in ("---\na: 1\n---\nno heading\n", "")),
        *(("eval_results.json", content) for content in (KEY, "[]", "{}", '{"token": "x"}', "9" * 5000, "[" * 5000)),
        *(("report.json", content) for content in ("{}", "null", '{"seeds": [], "note": 1}', '{"seeds": [{"a": 1}]}')),
        *(("report.json", content) for content in ('{"seeds": [], "model": 1}', '{"seeds": [], "seeds": []}')),
        ("eval_results.json", '{"test_uar": 0.5} more'),
        ("eval_results.json", '{"test_uar": 0.5, "note": "mine"}'),
        ("eval_results.json", '{"test_uar": 0.5, "train_secret": 1}'),
        ("eval_results.json", '{"test_uar": 0.5, "test_hunter2": 1}'),
        ("eval_results.json", '{"test_uar": 0.5, "test_secret": "mine"}'),
        ("eval_results.json", json.dumps({"test_uar": 0.5} | dict.fromkeys(f"test_{each}" for each in "abcde"))),
        ("eval_results.json", '{"test_uar": 0.5, "test_war": "mine"}'),
        ("eval_results.json", '{"test_uar": "mine", "test_uar": 0.5}'),
        ("eval_results.json", '{"test_uar": 0.5, "test_recall": {"sad": [1]}}'),
        ("eval_results.json", '{"test_uar": 0.5, "clips_per_split": [1]}'),
        *(("eval_results.json", f'{{"test_uar": {value}}}') for value in ("true", "1e300", "-0.1", "NaN", "1e999")),
        *(("eval_results.json", f'{{"test_uar": 0.5, {field}}}') for field in STRANGE_FIELDS),
        ("report.json", '{"seeds": [], "folds": [Infinity]}'),
        ("model.safetensors.index.json", '{"weight_map": {"a": ["../../private"]}}'),
        ("model.safetensors.index.json", '{"weight_map": []}'),
        ("video_preprocessor_config.json", "{}"),
        ("model.safetensors", b"PK\3\4" + bytes(100)),
        ("trained_on.parquet", b"PAR1" + bytes(100)),
    ],
)
def test_anything_else_does_not(tmp_path, name, content):
    with pytest.raises(Exception) as error:
        check(tmp_path, name, content)
    assert isinstance(error.value, ValueError) or type(error.value).__name__ == "SafetensorError"


def test_a_file_behind_a_linked_folder_is_none_of_the_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.parquet").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data").symlink_to(tmp_path / "elsewhere")
    with raises_naming(ValueError, tmp_path / "folder" / "data", tmp_path / "elsewhere"):
        own_file(tmp_path / "folder", "data/a.parquet")
    with raises_naming(ValueError, tmp_path / "folder" / "none"):
        own_file(tmp_path / "folder", "none")


@pytest.mark.parametrize("name", ["eval_results.json", "report.json", "report.md", "README.md", "trained_on.parquet"])
def test_what_runs_have_written_leaves(name, tmp_path):
    """Of an earlier version, and what this one writes for all that it knows."""
    if (TESTS / "before_the_move" / "run" / name).exists():
        check_content(TESTS / "before_the_move" / "run" / name)
    if name == "trained_on.parquet":
        part = DataPart(DataFacts("dfew", "DFEW", 5, "a", (LeftOutClip("a", "test", 1, "sad"),), "faces"), 1, True)
        write_trained_on(tmp_path / name, TrainedOn((Training(part, "test", frozenset({"ab" * 16}), frozenset()),)))
        check_content(tmp_path / name)
        write_trained_on(tmp_path / name, TrainedOn())
        check_content(tmp_path / name)


def test_a_report_with_all_its_parts_leaves(tmp_path):
    for folder, seed in (("a", 1), ("a", 2), ("b", 1)):
        run = run_info(seed=seed, seen_clips=SeenClips(trained_on=1), score_temperature=1.5)
        logits = np.random.default_rng(seed).normal(size=(40, 7))
        people = {"identity": [str(number % 9) for number in range(40)], "sex": ["female", "male"] * 20}
        file = tmp_path / folder / f"seed-{seed}" / "predictions.parquet"
        file.parent.mkdir(parents=True)
        clips = [str(number) for number in range(40)]
        write_predictions(file, clips, np.arange(40) % 7, logits, logits, run, people=people)
    write_report(tmp_path / "report", load_runs(tmp_path / "a"), load_runs(tmp_path / "b"))
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names >= {"report.json", "report.md", "confusion_matrix.png", "recalls.png", "projection.png"}
    for name in names:
        check_content(tmp_path / "report" / name)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["beside"] and report["groups"] and report["over_seeds"] and report["seen_clips"]


class TestRecords:
    @pytest.fixture
    def table(self, tmp_path) -> pa.Table:
        write_trained_on(tmp_path / "a.parquet", TrainedOn((training(),)))
        return pq.read_table(tmp_path / "a.parquet")

    def refused(self, tmp_path, table: pa.Table, *named: object, **options) -> None:
        pq.write_table(table, tmp_path / "trained_on.parquet", **options)
        with raises_naming(ValueError, tmp_path / "trained_on.parquet", *named):
            check_content(tmp_path / "trained_on.parquet")

    def test_other_metadata(self, tmp_path, table):
        self.refused(tmp_path, table.replace_schema_metadata({**table.schema.metadata, "note": "mine"}), "note")

    @pytest.mark.parametrize(
        "change",
        [
            lambda facts: facts | {"note": "mine"},
            lambda facts: facts | {"trainings": [facts["trainings"][0] | {"note": "mine"}]},
            lambda facts: facts | {"trainings": [facts["trainings"][0] | {"data": {"dataset": []}}]},
        ],
    )
    def test_other_facts(self, tmp_path, table, change):
        [key] = table.schema.metadata
        facts = change(json.loads(table.schema.metadata[key]))
        self.refused(tmp_path, table.replace_schema_metadata({key: json.dumps(facts)}))

    def test_facts_in_facts_without_end(self, tmp_path, table):
        [key] = table.schema.metadata
        self.refused(tmp_path, table.replace_schema_metadata({key: "[" * 50_000}))

    def test_metadata_of_a_column(self, tmp_path, table):
        field = table.schema.field("training").with_metadata({"note": "mine"})
        self.refused(tmp_path, table.cast(table.schema.set(1, field)), "training")

    def test_a_split_that_no_clip_has(self, tmp_path, table):
        column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), ["train", "a text of somebody"])
        self.refused(tmp_path, table.set_column(2, "split", column), "somebody")

    def test_identifiers_of_another_length(self, tmp_path, table):
        column = pa.array([b"a text of somebody"] * len(table))
        self.refused(tmp_path, table.set_column(0, "content_id", column))

    def test_bytes_between_the_columns(self, tmp_path, table):
        file = tmp_path / "trained_on.parquet"
        pq.write_table(table, file)
        content = file.read_bytes()
        footer = int.from_bytes(content[-8:-4], "little") + 8
        file.write_bytes(content[:-footer] + b"a text of somebody" + content[-footer:])
        with raises_naming(ValueError, file, "bytes"):
            check_content(file)


def training() -> Training:
    return Training(DataPart(DataFacts("a", "A"), None, False), "last", frozenset({"ab" * 16}), frozenset())


@pytest.mark.parametrize("depth", [900, 5_000])
def test_fields_in_fields_without_end(tmp_path, depth):
    values = '{"test_uar": 1, "test_recall": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
    with pytest.raises(ValueError):
        check(tmp_path, "eval_results.json", values)
    with pytest.raises(ValueError):
        check(tmp_path, "config.json", values.replace("test_uar", "model_type"))


@pytest.mark.parametrize(
    "text", ['{"a": 1.5, "b": [true]}', '{"a":1.50,\t"b":[true ]}  \n \n', '{"\\u0061": 15e-1, "b": [true]}']
)
def test_json_is_sent_without_what_nobody_reads(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert as_written(tmp_path / "a.json") == b'{\n  "a": 1.5,\n  "b": [\n    true\n  ]\n}\n'


def test_a_record_is_sent_without_what_nobody_reads(tmp_path):
    file = tmp_path / "trained_on.parquet"
    data = DataFacts(dataset="clips", dataset_name="clips", num_folds=None)
    write_trained_on(
        file, TrainedOn((Training(DataPart(data, None, True), "last", frozenset({"00" * 16}), frozenset()),))
    )
    written, record = file.read_bytes(), read_trained_on(file)
    assert as_written(file) == written
    file.write_bytes(with_unknown_field(written, KEY.encode()))
    assert read_trained_on(file) == record and KEY.encode() in file.read_bytes()
    check_content(file)
    assert as_written(file) == written


def test_other_files_are_sent_as_they_are(tmp_path):
    assert as_written(tmp_path / "report.md") == tmp_path / "report.md"
