"""Files that are what their names say leave; others do not."""

import json

import pytest
from errors import raises_naming
from PIL import Image, PngImagePlugin

from logoformer_hf.hub.contents import check_content, own_file

REPORT = "# DFEW, test\n\nLOGO-Former.\n\n## UAR and WAR in percent\n"
CARD = "---\nlicense: other\n---\n\n# A model\n"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n"


def check(tmp_path, name: str, content: str | bytes) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    check_content(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("report.md", REPORT),
        ("README.md", CARD),
        ("eval_results.json", '{"test_uar": 0.5}'),
        ("report.json", '{"seeds": []}'),
    ],
)
def test_what_this_package_writes_leaves(tmp_path, name, content):
    check(tmp_path, name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("report.md", content) for content in (KEY, "# key\nPASSWORD=x\n", CARD, REPORT + "\0", b"# \xff\xfe")),
        *(("README.md", content) for content in (KEY, REPORT, "---\n[]\n---\n# a\n", "---\na: [\n---\n# a\n")),
        *(("README.md", content) for content in ("---\na: 1\n---\nno heading\n", "")),
        *(("eval_results.json", content) for content in (KEY, "[]", "{}", '{"token": "x"}', "9" * 5000, "[" * 5000)),
        *(("report.json", content) for content in ("{}", "null")),
        ("model.safetensors.index.json", '{"weight_map": {"a": "../../private"}}'),
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


class TestPictures:
    @pytest.fixture
    def picture(self, tmp_path) -> bytes:
        Image.effect_noise((40, 40), 50).save(tmp_path / "a.png")
        return (tmp_path / "a.png").read_bytes()

    def test_a_picture_leaves(self, tmp_path, picture):
        check(tmp_path, "b.png", picture)

    def test_one_with_something_behind_it_does_not(self, tmp_path, picture):
        with raises_naming(ValueError, "behind"):
            check(tmp_path, "b.png", picture + KEY.encode())

    def test_one_with_a_text_in_it_does_not(self, tmp_path):
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", KEY)
        Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=text)
        with raises_naming(ValueError, "tEXt"):
            check_content(tmp_path / "a.png")

    def test_other_formats_and_damaged_ones_do_not(self, tmp_path, picture):
        Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
        for content in ((tmp_path / "a.jpg").read_bytes(), picture[:60], KEY, b"\x89PNG\r\n\x1a\n" + bytes(200)):
            with pytest.raises(ValueError):
                check(tmp_path, "b.png", content)


def test_a_file_behind_a_linked_folder_is_none_of_the_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.parquet").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "data").symlink_to(tmp_path / "elsewhere")
    with raises_naming(ValueError, tmp_path / "folder" / "data", tmp_path / "elsewhere"):
        own_file(tmp_path / "folder", "data/a.parquet")
    with raises_naming(ValueError, tmp_path / "folder" / "none"):
        own_file(tmp_path / "folder", "none")


def test_an_index_names_files_beside_it(tmp_path):
    (tmp_path / "model-00001-of-00001.safetensors").touch()
    check(
        tmp_path, "model.safetensors.index.json", json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}})
    )
