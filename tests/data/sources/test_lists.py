"""What the labels of lists mean, and every mistake with them that the field makes."""

import random
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from errors import check_named
from work import executed_lines

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.labels import usual_label_map
from logoformer_hf.data.sources.lists import ListedClip, ListError, read_list, read_lists

USUAL_0 = "--label_map 0=happy 1=sad 2=neutral 3=angry 4=surprise 5=disgust 6=fear"
USUAL_1 = "--label_map 1=happy 2=sad 3=neutral 4=angry 5=surprise 6=disgust 7=fear"
ALPHABETICAL = "--label_map 0=angry 1=disgust 2=fear 3=happy 4=neutral 5=sad 6=surprise"


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "list.txt"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


def labels(clip_list):
    return [clip.label for clip in clip_list.clips]


def message_of(files, **arguments) -> str:
    with pytest.raises(ListError) as error:
        read_lists(files, **arguments)
    return str(error.value)


def numbered(line: str, numbers) -> str:
    return "".join(line.format(clip=f"{number:05d}", label=number) + "\n" for number in numbers)


# Every format with what its labels mean


@pytest.mark.parametrize(
    "text, found",
    [
        (numbered("/x/DFEW_Face/{clip} 66 {label}", range(7)), "Former-DFER"),
        (numbered("/x/jpg_256/{clip} {label}", range(7)), "VideoMAE"),
        ("path,id\n" + numbered("{clip},{label}", range(7)), "'path,id'"),
    ],
)
def test_community_lists_count_from_0(write, text, found):
    file = write(text)
    clip_list = read_list(file)
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.file == file
    check_named(clip_list.description, file, "7 clips", found, "0")


@pytest.mark.parametrize("official", [True, False])
def test_official_annotation_counts_from_1(write, official):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(1, 8)))
    clip_list = read_list(file, official=official)
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.clips[1] == ListedClip("00002", "sad", 3, file)
    check_named(clip_list.description, "'video_name,label'", "1")


def test_header_of_the_official_annotation_with_labels_from_0(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(7)))
    clip_list = read_list(file)
    assert labels(clip_list) == list(EXPRESSIONS)
    check_named(clip_list.description, "0", "1", "DFEW")


def test_official_annotation_with_few_labels_still_counts_from_1(write):
    assert labels(read_list(write("video_name,label\n1,2\n"), official=True)) == ["sad"]


def test_ferv39k(write):
    clip_list = read_list(write("".join(f"Action/{name.title()}/0267 {name.title()}\n" for name in EXPRESSIONS)))
    assert labels(clip_list) == list(EXPRESSIONS)
    check_named(clip_list.description, "7 clips", "FERV39K")


def test_names_in_a_table(write):
    clip_list = read_list(write("path,label\na,Happiness\nb,fearful\n"))
    assert labels(clip_list) == ["happy", "fear"]
    check_named(clip_list.description, "fearful", "fear,", "Happiness", "happy")


def test_numbers_in_parquet(tmp_path):
    pq.write_table(pa.table({"path": ["a", "b"], "label": [0, 6]}), tmp_path / "clips.parquet")
    assert labels(read_list(tmp_path / "clips.parquet")) == ["happy", "fear"]


def test_new_labels_where_they_are_welcome(write):
    file = write("path,label\na,Contempt\nb,joy\nc,contempt\n")
    assert labels(read_list(file, new_labels=True)) == ["Contempt", "happy", "Contempt"]
    check_named(read_list(file, new_labels=True).description, "Contempt")
    check_named(message_of([file]), "(2)", "line 2: a", "Contempt", "surprise")


def test_files_are_judged_together_for_their_range(write):
    train = write("video_name,label\n1,1\n2,7\n", "train.csv")
    test = write("video_name,label\n3,4\n", "test.csv")
    assert labels(read_lists([train, test])[1]) == ["angry"]
    check_named(message_of([test]), test, USUAL_0, USUAL_1)


def test_each_format_keeps_its_own_range(write):
    own = write("video_name,label\n1,1\n2,7\n", "own.csv")
    community = write("x/3 20 0\nx/4 20 6\n")
    assert [labels(part) for part in read_lists([own, community])] == [["happy", "fear"]] * 2


# A label map


def test_label_map_says_what_numbers_mean(write):
    file = write("path,id\nInterview/Happy/0118,3\nInterview/Angry/0119,0\n")
    clip_list = read_list(file, label_map={0: "angry", 3: "happy"})
    assert labels(clip_list) == ["happy", "angry"]
    check_named(clip_list.description, "label_map")


def test_label_map_that_contradicts_the_paths(write):
    file = write("path,id\nInterview/Happy/0118,3\nInterview/Angry/0119,0\n")
    message = message_of([file], label_map={0: "angry", 3: "sad"})
    check_named(message, "1 of 2", "line 2: Interview/Happy/0118", "3", "sad", "happy", ALPHABETICAL)


def test_label_map_with_a_gap(write):
    message = message_of([write("x/1 20 3\nx/2 20 4\nx/3 20 0\n")], label_map={3: "sad"})
    check_named(message, "(2)", "line 2: x/2", "0=<name> 4=<name>")


def test_label_map_for_names_is_refused(write):
    message = message_of([write("Action/Happy/0267 Happy\n")], label_map={0: "happy"})
    check_named(message, "label_map")


# Numbers that contradict the expression in the path


def test_alphabetical_ids(write):
    names = sorted(EXPRESSIONS)
    rows = [f"Interview/{name.title()}/0118,{number}" for number, name in enumerate(names)]
    file = write("path,id\n" + "\n".join(rows))
    message = message_of([file])
    check_named(message, "7 of 7", f"{file}, line 2: Interview/Angry/0118")
    assert message.count(", line ") == 5  # the first ones, not all
    assert message.endswith(ALPHABETICAL)
    assert labels(read_list(file, label_map=dict(enumerate(names)))) == names


@pytest.mark.parametrize(
    "line",
    ["/data/2_ClipsforFaceCrop/{folder}/0118 30 {label}", "x\\{folder}\\0118 {label}", "{folder}/extra/0118 {label}"],
)
def test_the_expression_is_found_in_any_path(write, line):
    rows = [line.format(folder=folder, label=label) for folder, label in (("Happiness", 3), ("anger", 0))]
    assert ALPHABETICAL in message_of([write("\n".join(rows))])


def test_an_order_of_ones_own(write):
    message = message_of([write("a/Happy/1 1\na/Sad/2 0\n")])
    assert message.endswith("--label_map 0=sad 1=happy")


def test_numbers_in_the_usual_order_counted_from_1_by_the_paths(write):
    text = "".join(f"a/{name}/1 20 {number}\n" for number, name in enumerate(EXPRESSIONS, start=1))
    assert message_of([write(text)]).endswith(USUAL_1)


@pytest.mark.parametrize("first", [0, 1])
def test_paths_settle_where_an_open_range_is_counted_from(write, first):
    file = write(f"video_name,label\nInterview/Sad/0001,{1 + first}\nInterview/Angry/0002,{3 + first}\n")
    clip_list = read_list(file)
    assert labels(clip_list) == ["sad", "angry"]
    assert str(first) in clip_list.description.removeprefix(str(file))


def test_paths_that_no_mapping_fits(write):
    message = message_of([write("a/Happy/1 3\na/Happy/2 0\na/Sad/3 3\n")])
    check_named(message, "angry", "happy", "0 with happy (1), 3 with happy (1), 3 with sad (1)")
    assert "--label_map" not in message


def test_the_innermost_folder_counts(write):
    assert labels(read_list(write("neutral/Happy/1 0\nneutral/Fear/2 6\n"))) == ["happy", "fear"]


def test_a_folder_above_all_clips_says_nothing(write):
    assert labels(read_list(write("/home/joy/DFEW/02522 5\n/home/joy/DFEW/02523 0\n"))) == ["disgust", "happy"]
    assert labels(read_list(write("C:\\Users\\Joy\\02522 5\nC:\\Users\\Joy\\02523 0\n"))) == ["disgust", "happy"]


@pytest.mark.parametrize("root", ["/data/clips/Happy/", "Happy/", "/data/Happy/session_1/"])
def test_a_folder_that_all_clips_lie_in_is_looked_at(write, root):
    check_named(message_of([write(f"{root}02522 20 5\n{root}02523 20 3\n")]), "2 of 2", "disgust", "happy")
    assert labels(read_list(write(f"{root}02522 20 0\n{root}02523 20 0\n"))) == ["happy", "happy"]
    assert message_of([write(f"{root}02522 20 1\n")]).endswith(USUAL_1)


def test_a_folder_that_only_seems_to_name_an_expression(write):
    file = write("/mnt/joy/clips/02522 20 5\n/mnt/joy/clips/02523 20 3\n")
    assert message_of([file]).endswith(USUAL_0)
    assert labels(read_list(file, label_map=usual_label_map(0))) == ["disgust", "angry"]


def test_the_clips_own_name_says_nothing(write):
    assert labels(read_list(write("a/happy 5\na/sad 0\n"))) == ["disgust", "happy"]


def test_a_name_that_contradicts_the_path_of_ferv39k(write):
    message = message_of([write("Action/Happy/0267 Happy\nAction/Happy/0268 Sad\n")])
    check_named(message, "(1)", "line 2: Action/Happy/0268", "Sad")
    assert "--label_map" not in message


def test_a_name_in_a_table_counts_more_than_the_path(write):
    clip_list = read_list(write("path,label\nJoy/1.mp4,sad\nJoy/2.mp4,happiness\n"))
    assert labels(clip_list) == ["sad", "happy"]
    check_named(clip_list.description, "(1)", "Joy/1.mp4, sad")


# Numbers that are off by one, or open


@pytest.mark.parametrize("line", ["/x/DFEW_Face/{clip} 66 {label}", "/x/jpg_256/{clip} {label}"])
def test_labels_from_1_where_the_format_counts_from_0(write, line):
    file = write(numbered(line, range(1, 8)))
    message = message_of([file])
    check_named(message, f"{file}, line 7: ", "00007", "0 to 6", "1 to 7")
    assert message.endswith(USUAL_1)


def test_labels_from_0_in_the_official_annotation(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(7)))
    message = message_of([file], official=True)
    check_named(message, f"{file}, line 2: 00000", "1 to 7", "0 to 6")
    assert message.endswith(USUAL_0)
    assert labels(read_list(file, label_map=dict(enumerate(EXPRESSIONS)), official=True)) == list(EXPRESSIONS)


def test_an_open_range_is_asked_about_with_both_mappings(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(1, 7)))
    message = message_of([file])
    check_named(message, file, "1 to 6", USUAL_0, USUAL_1)
    assert labels(read_list(file, label_map=dict(enumerate(EXPRESSIONS, 1)))) == list(EXPRESSIONS[:6])


def test_a_community_list_without_the_first_of_all_classes_is_asked_about(write):
    message = message_of([write(numbered("x/{clip} 66 {label}", range(1, 7)))])
    assert USUAL_0 in message and USUAL_1 in message


@pytest.mark.parametrize("numbers", [[5], [1, 2], [1, 2, 3, 4, 5], [2, 6]])
@pytest.mark.parametrize("line", ["/x/DFEW_Face/{clip} 66 {label}", "/x/jpg_256/{clip} {label}", "{clip},{label}"])
def test_a_community_list_that_may_count_from_0_or_1_is_asked_about(write, numbers, line):
    header = "path,label\n" if "," in line else ""
    file = write(header + numbered(line, numbers))
    check_named(message_of([file]), file, USUAL_0, USUAL_1)
    assert labels(read_list(file, label_map=usual_label_map(1))) == [EXPRESSIONS[number - 1] for number in numbers]


def test_what_the_other_list_has_settles_where_both_count_from(write):
    train = write(numbered("/x/{clip} 66 {label}", range(7)), "train.txt")
    test = write(numbered("/x/9{clip} 66 {label}", [1, 2]), "test.txt")
    assert labels(read_lists([train, test])[1]) == ["sad", "neutral"]


def test_the_labels_that_are_wanted_settle_where_numbers_count_from(write):
    file = write(numbered("/x/{clip} 66 {label}", [1, 2]))
    assert labels(read_list(file, labels=["sad", "neutral"])) == ["sad", "neutral"]
    clip_list = read_list(file, labels=["happy", "sad"])
    assert labels(clip_list) == ["happy", "sad"]
    check_named(clip_list.description, "1", "labels")
    check_named(message_of([file], labels=["sad"]), USUAL_0, USUAL_1)  # both have it


def test_what_other_lists_say_of_the_clips_settles_it(write):
    known = {"1": "happy", "2": "sad", "3": "fear", "4": "sad", "6": "neutral", "7": "neutral"}
    official = write("video_name,label\n1,1\n2,2\n4,2\n")
    arguments = {"label_of": lambda clip: known.get(clip.path)}
    assert labels(read_list(official, **arguments)) == ["happy", "sad", "sad"]
    counted_from_1 = write("path,label\n1,1\n2,2\n4,2\n")
    assert message_of([counted_from_1], **arguments).endswith(USUAL_1)
    alphabetical = write("path,label\n1,3\n2,5\n3,2\n9,0\n")
    assert message_of([alphabetical], **arguments).endswith(ALPHABETICAL)
    relabelled = write("path,label\n1,0\n2,1\n4,2\n5,1\n6,2\n7,2\n")  # clip 4 alone, by somebody who looked at it
    assert labels(read_list(relabelled, **arguments)) == ["happy", "sad", "neutral", "sad", "neutral", "neutral"]
    contradicting = write("path,label\n1,0\n2,0\n3,1\n4,1\n")
    check_named(message_of([contradicting], **arguments), "other lists", "1 with", "label_map")


def test_a_list_with_names_is_evidence_for_one_with_numbers(write):
    names = write("path,label\na/1.mp4,happy\na/2.mp4,sad\n", "names.csv")
    numbers = write("a/1.mp4 20 1\na/2.mp4 20 2\n", "numbers.txt")
    assert message_of([names, numbers]).endswith(USUAL_1)


# Numbers as pandas writes them


@pytest.mark.parametrize(
    "text", ["path,label\na,0.0\nb,6.0\n", "path;label\na;0,0\nb;6,0\n", "a 20.0 0.0\nb 31.0 6.0\n", "a 0.\nb 6.0\n"]
)
def test_floats_are_numbers(write, text):
    assert labels(read_list(write(text), new_labels=True)) == ["happy", "fear"]


@pytest.mark.parametrize("header", ["path,label,label", "path,label,Label", "path,path,label"])
def test_a_column_that_is_there_twice_is_refused(write, header):
    message = message_of([write(f"{header}\na,happy,sad\nb,sad,happy\n")])
    check_named(message, "list.txt", "more than one column")


def test_floats_in_parquet_are_numbers(tmp_path):
    pq.write_table(pa.table({"path": ["a", "b"], "label": [0.0, 6.0]}), tmp_path / "clips.parquet")
    assert labels(read_list(tmp_path / "clips.parquet", new_labels=True)) == ["happy", "fear"]
    pq.write_table(pa.table({"path": ["a", "b"], "label": [0.0, float("nan")]}), tmp_path / "clips.parquet")
    check_named(message_of([tmp_path / "clips.parquet"], new_labels=True), "row 2", "nan")


def test_fractions_are_no_numbers_of_classes(write):
    check_named(message_of([write("path,label\na,0.5\nb,1.0\nc,2.0\n")], new_labels=True), "'0.5'")
    assert labels(read_list(write("path,label\na,0.5\nb,1.5\n"), new_labels=True)) == ["0.5", "1.5"]


def test_numbers_of_absurd_length_are_refused(write):
    check_named(message_of([write(f"path,label\na,0\nb,1\nc,{'7' * 5000}\n")], new_labels=True), "line 4: c")


# Names that would be one class


def test_two_names_of_a_class_in_one_list_are_asked_about(write):
    check_named(message_of([write("path,label\na,joy\nb,happy\n")], new_labels=True), "'happy'", "'joy'", "list.txt")
    train = write("path,label\na,joy\n", "train.csv")
    test = write("path,label\nb,happy\n", "test.csv")
    assert [labels(part) for part in read_lists([train, test])] == [["happy"], ["happy"]]


def test_a_path_in_two_compositions_is_one_clip(write):
    composed, decomposed = (unicodedata.normalize(form, "für/é.mp4") for form in ("NFC", "NFD"))
    check_named(message_of([write(f"path,label\n{composed},sad\n{decomposed},happy\n")]), "two labels")
    assert len(read_list(write(f"path,label\n{composed},sad\n{decomposed},sad\n")).clips) == 1


def test_lists_that_count_from_different_numbers(write):
    own = write("video_name,label\n" + numbered("{clip},{label}", range(1, 8)), "own.csv")
    other = write("video_name,label\n" + numbered("9{clip},{label}", range(7)), "other.csv")
    message = message_of([own, other])
    check_named(message, f"1 to 7 in {own}", f"0 to 6 in {other}")


@pytest.mark.parametrize("number", [-1, 8, 99])
def test_numbers_of_no_expression(write, number):
    message = message_of([write(f"x/1 20 0\nx/2 20 {number}\nx/3 20 6\n")])
    check_named(message, "line 2: x/2", f"{number}=<name>")


def test_numbers_from_0_to_7_are_eight_classes(write):
    message = message_of([write(numbered("x/{clip} 66 {label}", range(8)))])
    check_named(message, "0 to 6", "0 to 7")
    assert USUAL_1 not in message  # no shift by one explains them


# Clips that are listed twice


def test_a_clip_with_two_labels(write):
    file = write("x/1 20 0\nx/2 20 1\nx/1 20 1\n")
    message = message_of([file])
    check_named(message, f"{file}, line 1: x/1", "happy", f"{file}, line 3: x/1", "sad")


def test_a_clip_with_two_labels_in_two_lists(write):
    train, test = write("x/1 20 0\n", "train.txt"), write("x/1 20 1\n", "test.txt")
    message = message_of([train, test])
    check_named(message, f"{train}, line 1: x/1", "happy", f"{test}, line 1: x/1", "sad")


def test_a_repeated_line_counts_once(write):
    clip_list = read_list(write("x/1 20 0\nx/2 20 1\nx/1 25 0\n"))
    assert [(clip.path, clip.line) for clip in clip_list.clips] == [("x/1", 1), ("x/2", 2)]
    check_named(clip_list.description, "2 clips", "(1)")


def test_a_clip_in_two_splits_of_one_list_is_no_repetition(write):
    clips = read_list(write("path,label,split\na,sad,train\na,sad,test\n")).clips
    assert [clip.split for clip in clips] == ["train", "test"]


def test_a_clip_in_the_lists_of_two_folds_is_in_both(write):
    lists = read_lists([write("x/1 20 0\n", "train_1.txt"), write("x/1 20 0\n", "test_2.txt")])
    assert [len(part.clips) for part in lists] == [1, 1]


def test_a_shuffled_alphabetical_list_of_ferv39k_size_is_found_out(write):
    names, rng = sorted(EXPRESSIONS), random.Random(0)
    rows = [(number % 7, f"Action/{names[number % 7].title()}/{number:05d}") for number in range(38_935)]
    rng.shuffle(rows)
    message = message_of([write("path,id\n" + "".join(f"{path},{number}\n" for number, path in rows))])
    assert "38,935" in message and message.endswith(ALPHABETICAL)


# Lists that are made to do harm


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("clips/a.mp4 happy\nclips/b\0.mp4 happy\n", 2),
        ("path,label\nclips/b\0.mp4,happy\n", 2),
        ("clips/a.mp4 1\nclips/b.mp4 " + "9" * 4301 + "\nclips/c.mp4 2\n", 2),
        ("path,label\nclips/b.mp4," + "9" * 4301 + "\n", 2),
        ("path,label\nclips/b.mp4," + "x" * 131_073 + "\n", 2),
        ("path,label,note\nclips/b.mp4,happy," + "x" * 131_073 + "\n", 2),
        ("x" * 131_073 + ",path,label\n", 1),
        ("path,label\n" + "a/" * 2_100 + "b.mp4,happy\n", 2),
        ("clips/a.mp4 happy\nb.mp4" + " " * 8_000 + "9x9\n", 2),
        ("a" + " " * 60_000 + "b\n", 1),
        ("a" + ", " * 30_000 + "b\n", 1),
        ("clips/a.mp4 " + "_" * 8_000 + "\n", 1),
        ("path,label\na.mp4," + "_" * 8_000 + "\n", 2),
        ('path,label\n"a.mp4,happy\n', 2),
    ],
)
def test_a_line_made_to_do_harm_is_named(write, text, line):
    file = write(text)
    message = message_of([file])
    check_named(message, f"{file}, line {line}")
    assert len(message) < 2_000


def test_many_blanks_take_no_more_time_than_their_number(write):
    """With a time that grows with the square this takes minutes."""
    lines = "".join(f"clips/{number}.mp4{' ' * 60_000}{number % 7}\n" for number in range(100))
    assert len(read_list(write(lines)).clips) == 100


@pytest.mark.parametrize(
    "columns",
    [
        {"path": pa.array([b"\xff\xfe"]).cast(pa.binary()), "label": ["happy"]},
        {"path": [["a"]], "label": ["happy"]},
        {"path": ["a"], "label": [{"name": "happy"}]},
        {"path": ["a\0b"], "label": ["happy"]},
        {"path": ["a"], "label": ["x" * 300]},
    ],
)
def test_a_parquet_row_that_is_no_clip_is_named(tmp_path, columns):
    pq.write_table(pa.table(columns), tmp_path / "list.parquet")
    check_named(message_of([tmp_path / "list.parquet"]), f"{tmp_path / 'list.parquet'}, row 1")


def test_a_damaged_parquet_list(tmp_path):
    pq.write_table(pa.table({"path": ["a"] * 99, "label": ["happy"] * 99}), tmp_path / "list.parquet")
    content = (tmp_path / "list.parquet").read_bytes()
    for place in range(4, len(content) - 8, 7):
        (tmp_path / "list.parquet").write_bytes(
            content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        )
        try:
            read_list(tmp_path / "list.parquet")
        except ListError as error:
            check_named(str(error), tmp_path / "list.parquet")


def test_the_work_of_many_splits_grows_with_the_list_and_no_faster(tmp_path):
    def read(number):
        file = tmp_path / f"{number}.csv"
        file.write_text("path,label,split\n" + "".join(f"{n}.mp4,happy,s{n}\n" for n in range(number)))
        read_list(file)

    assert executed_lines(lambda: read(400)) < 4.4 * executed_lines(lambda: read(100))
