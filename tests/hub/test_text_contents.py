"""Cards leave with the metadata that this package writes."""

import pytest
from cards import dataset_card, model_card
from errors import raises_naming

from logoformer_hf.hub.text_contents import check_dataset_card, check_model_card, check_report

REST = "\n---\n\n# A title\n"


def check(tmp_path, metadata: str, check_it=check_model_card, rest: str = REST) -> None:
    (tmp_path / "README.md").write_bytes(f"---\n{metadata}{rest}".encode())
    check_it(tmp_path / "README.md")


def test_what_this_package_writes_leaves(tmp_path):
    model_card(tmp_path / "README.md")
    check_model_card(tmp_path / "README.md")
    dataset_card(tmp_path / "README.md")
    check_dataset_card(tmp_path / "README.md")


def test_a_text_of_ones_own_leaves(tmp_path):
    check(tmp_path, "license: other\ntags:\n- '2024-05-01'\nbase_model: me/faces", rest=f"{REST}Anything.\n")


@pytest.mark.parametrize(
    "metadata",
    [
        *(
            "language: en",
            "language: [en, de]",
            "datasets: me/clips",
            "datasets:\n- me/clips",
            "license: [mit, other]",
        ),
        *(
            "license_name: mine",
            "license_link: LICENSE",
            "license_link: docs/LICENSE.md",
            "license_link: https://a.b/c",
        ),
        *("tags: a", "tags: []", "tags:", "tags: [2024, 1.5, a]", "thumbnail: https://example.org/x.png"),
        *("language: no", "language: [no, nn]", "language: [yes, on, off, y, n]", "thumbnail: no"),
        *("new_version: me/newer", "inference: false", "inference: {parameters: {top_k: 3}}"),
        *("base_model: [me/faces, resnet-18]", "base_model_relation: finetune", "co2_eq_emissions: 1.5"),
        "co2_eq_emissions: {emissions: 12, source: codecarbon}",
    ],
)
def test_usual_fields_of_the_hub_leave(tmp_path, metadata):
    check(tmp_path, metadata)


@pytest.mark.parametrize("start", ["\ufeff---\n", "--- \t\n", "\ufeff---  \r\n"])
def test_a_mark_of_the_encoding_and_blanks_before_the_metadata(tmp_path, start):
    (tmp_path / "README.md").write_bytes(f"{start}license: mit{REST}".encode())
    check_model_card(tmp_path / "README.md")
    (tmp_path / "README.md").write_bytes(f"{start}extra_gated_prompt: a{REST}".encode())
    with raises_naming(ValueError, "extra_gated_prompt"):
        check_model_card(tmp_path / "README.md")


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ("thumbnail: javascript:alert(1)", "thumbnail"),
        *((f"license_link: {link}", "license_link") for link in ("javascript:alert(1)", "http://a.b", "../LICENSE")),
        *((f"license_link: {link}", "license_link") for link in ("/etc/passwd", "a/../../b", "https://", "a b")),
        *((f"base_model: {name}", "base_model") for name in ("/home/me/x", "../../etc", "[me/faces, ./x]", "a/b/c")),
        ("extra_gated_prompt: send me your name", "extra_gated_prompt"),
        ("pretty_name: of a data set", "pretty_name"),
        ("1: a", "1"),
        ("license: 2024-05-01", "timestamp"),
        ("license: 2024-99-99", "timestamp"),
        ("license: !!timestamp a", "timestamp"),
        ("license: !!python/object/apply:os.system [ls]", "python"),
        ("license: !!binary aGk=", "binary"),
        ("license: &a b\ntags: [*a]", "&"),
        ("license: {<<: {a: 1}}", "merge"),
        ("license: a\nlicense: b", "twice"),
        *((f"co2_eq_emissions: {number}", number) for number in (".nan", ".inf", "-.inf", "1:30.5", "1_0.5", "1e400")),
        ("language: false", "language"),
        ("? [a]\n: b", "twice"),
        ("license: 0x_", "0x_"),
        ("license: " + "9" * 5_000, "digits"),
        ("license: " + "[" * 20_000, "nested"),
        ("license: " + "{a: " * 5_000, "nested"),
        ("license: [", "YAML"),
        ("license: \x01", "YAML"),
        ("license: [1]", "license"),
        ("tags: {a: 1}", "tags"),
        ("tags: [true]", "tags"),
        ("inference: {parameters: {a: [1]}}", "inference"),
        ("co2_eq_emissions: {note: 1}", "note"),
        ("tags: " + "a" * 70_000, "characters"),
        ("widget:\n- src: https://example.org/x.mp4", "example.org"),
        ("widget:\n- src: examples/../../x.mp4", "widget"),
        ("model-index:\n- name: a\n  results:\n  - task: {type: a, note: mine}", "note"),
        ("[]", "fields"),
        ("", "fields"),
    ],
)
def test_other_metadata_do_not(tmp_path, metadata, named):
    with raises_naming(ValueError, named):
        check(tmp_path, metadata)


@pytest.mark.parametrize("path", ["https://example.org/x.parquet", "../x.parquet", "data/*.parquet"])
def test_a_data_set_takes_its_clips_from_its_shards(tmp_path, path):
    metadata = "configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: "
    check(tmp_path, f"{metadata}data/train-*.parquet", check_dataset_card)
    with raises_naming(ValueError, path):
        check(tmp_path, f"{metadata}{path}", check_dataset_card)
    with raises_naming(ValueError, "dataset_info"):
        check(tmp_path, "dataset_info: {}", check_dataset_card)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"---\na: 1", b"# a\n\n## UAR and WAR in percent\n\0"])
def test_what_is_no_text(tmp_path, content):
    (tmp_path / "a.md").write_bytes(content)
    for check_it in (check_model_card, check_report):
        with pytest.raises(ValueError) as error:
            check_it(tmp_path / "a.md")
        assert "codec" not in str(error.value)
