"""Every list format, and every line that fits none."""

import codecs

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import check_named, raises_naming

from logoformer_hf.data.sources.list_formats import FERV39K, FORMER_DFER, VIDEOMAE, ListError, read_raw_list


@pytest.fixture
def write(tmp_path):
    def write(content: str | bytes, name: str = "list.txt"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def read(file):
    raw = read_raw_list(file)
    return raw.format, [(clip.path, clip.label, clip.line) for clip in raw.clips]


def test_former_dfer(write):
    format, clips = read(write("/data/x/DFEW_Face/02522 66 5\n/data/x/DFEW_Face/00001 8 0\n"))
    assert format is FORMER_DFER and format.first == 0
    assert clips == [("/data/x/DFEW_Face/02522", "5", 1), ("/data/x/DFEW_Face/00001", "0", 2)]


def test_videomae(write):
    format, clips = read(write("/data/jpg_256/02522 5\n/data/jpg_256/00001 0\n"))
    assert format is VIDEOMAE and format.first == 0
    assert clips == [("/data/jpg_256/02522", "5", 1), ("/data/jpg_256/00001", "0", 2)]


def test_ferv39k(write):
    format, clips = read(write("Action/Happy/0267 Happy\nWar/Fear/0001 Fear\n"))
    assert format is FERV39K and format.first is None
    assert clips == [("Action/Happy/0267", "Happy", 1), ("War/Fear/0001", "Fear", 2)]


@pytest.mark.parametrize(
    "header, first", [("video_name,label", 1), ("Video Name,Label", 1), ("path,id", 0), ("Path,Label", 0)]
)
def test_a_header_says_from_which_number_labels_count(write, header, first):
    format, clips = read(write(f"{header}\n2522,5\n1,1\n"))
    assert format.first == first
    check_named(format.name, header)
    assert clips == [("2522", "5", 2), ("1", "1", 3)]


def test_other_columns_are_passed_over_and_split_is_kept(write):
    raw = read_raw_list(write("id;Split;clip_path;label\n7;train;a b/c;Joy\n8;test;d;sad\n"))
    assert [(clip.path, clip.label, clip.split) for clip in raw.clips] == [
        ("a b/c", "Joy", "train"),
        ("d", "sad", "test"),
    ]
    assert raw.format.first is None


def test_parquet(tmp_path):
    file = tmp_path / "clips.parquet"
    pq.write_table(pa.table({"path": ["a", "b"], "label": ["Joy", "sad"], "split": ["train", None]}), file)
    raw = read_raw_list(file)
    assert [(clip.path, clip.label, clip.line, clip.split) for clip in raw.clips] == [
        ("a", "Joy", 1, "train"),
        ("b", "sad", 2, None),
    ]
    assert str(raw.clips[1]) == f"{file}, row 2: b"


def test_parquet_with_numbers(tmp_path):
    file = tmp_path / "clips.parquet"
    pq.write_table(pa.table({"video_name": [2522], "label": [5]}), file)
    assert read(file)[1] == [("2522", "5", 1)]


@pytest.mark.parametrize(
    "line, clip",
    [
        ("/my clips/DFEW Face/02522 66 5", ("/my clips/DFEW Face/02522", "5")),
        ("C:\\my clips\\02522\t66\t5", ("C:\\my clips\\02522", "5")),
        ("my clips/02522,66,5", ("my clips/02522", "5")),
        ("my clips/02522 , 5", ("my clips/02522", "5")),
        ("my clips/take two.mp4 5", ("my clips/take two.mp4", "5")),
        ("Talk Show/Happy/0267 Happy", ("Talk Show/Happy/0267", "Happy")),
    ],
)
def test_paths_with_blanks_and_other_separators(write, line, clip):
    assert [found[:2] for found in read(write(line))[1]] == [clip]


def test_a_path_with_a_comma_in_quotes(write):
    assert read(write('path,label\n"a,b/c 1",sad\n'))[1] == [("a,b/c 1", "sad", 2)]


@pytest.mark.parametrize("text", ["x/1 10 1\n\nx/2 10 2\n", "path,label\n\nx/1,1\nx/2,2"])
def test_bom_windows_line_ends_blank_lines_and_trailing_blanks(write, text):
    plain = [clip[:2] for clip in read(write(text))[1]]
    odd = codecs.BOM_UTF8 + text.replace("\n", "  \r\n").encode() + b"\r\n \r\n"
    assert [clip[:2] for clip in read(write(odd))[1]] == plain == [("x/1", "1"), ("x/2", "2")]


def test_line_numbers_count_blank_lines(write):
    assert [line for *_, line in read(write("\nx/1 10 1\n\n\nx/2 10 2\n"))[1]] == [2, 5]


@pytest.mark.parametrize(
    "text, number, line",
    [
        ("x/1 10 1\nx/2 10 hapy\nx/3 10 1\n", 2, "x/2 10 hapy"),
        ("x/1 1\n\nx/2\nx/3 1\n", 3, "x/2"),
        ("x/1 10 1\nx/2 1\nx/3 10 1\n", 2, "x/2 1"),  # without the frame count, or without the label?
        ("a/Happy/1 Happy\na/Sad/2 Hapy\na/Sad/3 Sad\n", 2, "a/Sad/2 Hapy"),
        ("nonsense\n", 1, "nonsense"),
        ("clipname,target\na,1\nb,2\n", 1, "clipname,target"),
        ("x/1 10 1.5\n", 1, "x/1 10 1.5"),
    ],
)
def test_a_faulty_line_is_named_with_what_is_accepted(write, text, number, line):
    file = write(text)
    with raises_naming(
        ListError, f"{file}, line {number}", repr(line), "video_name,label", "path count label", "Parquet"
    ):
        read_raw_list(file)


def test_a_faulty_line_is_compared_with_the_others(write):
    with raises_naming(ListError, "line 2", "Former-DFER"):
        read_raw_list(write("x/1 10 1\nx/2\nx/3 10 1\n"))


@pytest.mark.parametrize("line", ["a,1,2", "a", "a,", ",1"])
def test_a_faulty_line_below_a_header_is_named(write, line):
    file = write(f"path,label\nb,1\n{line}\n")
    with raises_naming(ListError, f"{file}, line 3", repr(line), "'path,label'", "2"):
        read_raw_list(file)


def test_numbers_among_names_are_named(write):
    file = write("path,label\na,happy\nb,3\nc,sad\n")
    with raises_naming(ListError, "line 3", "b", "'3'"):
        read_raw_list(file)


@pytest.mark.parametrize("content", ["", " \r\n\n", "path,label\n"])
def test_empty_lists(write, content):
    with raises_naming(ListError, "list.txt"):
        read_raw_list(write(content))


@pytest.mark.parametrize("encoding", ["utf-16-le", "latin-1"])
def test_what_is_no_text(write, encoding):
    with raises_naming(ListError, "list.txt", "UTF-8"):
        read_raw_list(write("päth 1\n".encode(encoding)))


@pytest.mark.parametrize("content", [b"\xff\xfea", "ab 1\n".encode("utf-32"), b"\xfe\xff\xd8\x00\x00a"])
def test_what_is_no_text_below_the_mark_of_utf_16(write, content):
    with raises_naming(ListError, "list.txt"):
        read_raw_list(write(content))


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\npath;label\r\nä/1;happy\r\nä/2;sad\r\n",
        "path\tlabel\r\nä/1\thappy\r\nä/2\tsad\r\n",
        "SEP=,\r\npath,label\r\nä/1,happy\r\nä/2,sad\r\n",
        "sep=\t\r\nlabel\tpath\r\nhappy\tä/1\r\nsad\tä/2\r\n",
        "sep=;\r\nä/1;happy\r\nä/2;sad\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_lists_as_excel_saves_them(write, text, encoding):
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    raw = read_raw_list(write(mark + text.encode(encoding)))
    assert [(clip.path, clip.label) for clip in raw.clips] == [("ä/1", "happy"), ("ä/2", "sad")]
    assert raw.clips[-1].line == len(text.splitlines())


def test_only_the_first_line_says_what_divides_fields(write):
    with raises_naming(ListError, "line 3", "sep=;"):
        read_raw_list(write("path;label\na;sad\nsep=;\n"))


def test_a_missing_list(tmp_path):
    with raises_naming(ListError, tmp_path / "none.csv"):
        read_raw_list(tmp_path / "none.csv")


def test_parquet_without_the_columns(tmp_path):
    file = tmp_path / "clips.parquet"
    pq.write_table(pa.table({"clipname": ["a"], "target": [1]}), file)
    with raises_naming(ListError, file, "clipname, target"):
        read_raw_list(file)


def test_parquet_with_a_gap(tmp_path):
    file = tmp_path / "clips.parquet"
    pq.write_table(pa.table({"path": ["a", "b"], "label": ["sad", None]}), file)
    with raises_naming(ListError, file, "row 2", "'b'", "None"):
        read_raw_list(file)


def test_what_is_no_parquet(write):
    with raises_naming(ListError, "clips.parquet", "Parquet"):
        read_raw_list(write("path,label\n", "clips.parquet"))


@pytest.mark.parametrize(
    "content",
    [
        'path,label\n"' + "9" * 200_000 + '",3\n',  # more than the reader of tables takes
        "path,label\n" + "9" * 200_000 + "\n",
        "9" * 200_000 + "\n",
        "9" * 200_000 + " 3\n",
        "a/b" + "/c" * 100_000 + " 3\n",
        "path,label\na,happy\nb," + "sad" * 100_000 + "\n",
        "path," * 50_000 + "label\na,1\n",
        "path,label\na\0b,1\n",
        "a\0b 1\n",
        "path,label\na,ha\0ppy\n",
        "a 1\n" + " ," * 100_000 + "b\n",
    ],
)
def test_lines_of_absurd_length_and_nul_are_named_in_a_short_message(write, content):
    with raises_naming(ListError, "list.txt") as caught:
        read_raw_list(write(content))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("column", ["path", "label", "other"])
def test_parquet_with_a_changed_byte(tmp_path, column):
    """In a text column it may be no text any more; in another one it does not matter."""
    file = tmp_path / "clips.parquet"
    values = {name: [f"{name}-{number}" for number in range(9)] for name in ("path", "label", "other")}
    pq.write_table(pa.table(values), file, compression="none", use_dictionary=False, write_statistics=False)
    content = file.read_bytes()
    place = content.index(f"{column}-3".encode())
    file.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    if column == "other":
        assert len(read_raw_list(file).clips) == 9
        return
    with raises_naming(ListError, file, "Parquet"):
        read_raw_list(file)


def test_parquet_is_compared_with_its_checksums(tmp_path):
    file = tmp_path / "clips.parquet"
    pq.write_table(
        pa.table({"path": ["aaaa"], "label": ["happy"]}), file, compression="none", write_page_checksum=True
    )
    file.write_bytes(file.read_bytes().replace(b"aaaa", b"aaab", 1))
    with raises_naming(ListError, file, "Parquet"):
        read_raw_list(file)
