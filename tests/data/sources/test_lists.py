"""What the labels of lists mean, and every mistake with them that the field makes."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logoformer_hf import EXPRESSIONS
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
        (numbered("/x/DFEW_Face/{clip} 66 {label}", range(7)), "Former-DFER style (path, frame count, label)"),
        (numbered("/x/jpg_256/{clip} {label}", range(7)), "VideoMAE style (path, label)"),
        ("path,id\n" + numbered("{clip},{label}", range(7)), "table with the header 'path,id'"),
    ],
)
def test_community_lists_count_from_0(write, text, found):
    file = write(text)
    clip_list = read_list(file)
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.file == file
    assert clip_list.description == f"{file}: 7 clips, {found}, labels counted from 0."


@pytest.mark.parametrize("official", [True, False])
def test_official_annotation_counts_from_1(write, official):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(1, 8)))
    clip_list = read_list(file, official=official)
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.clips[1] == ListedClip("00002", "sad", 3, file)
    assert clip_list.description.endswith("table with the header 'video_name,label', labels counted from 1.")


def test_header_of_the_official_annotation_with_labels_from_0(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(7)))
    clip_list = read_list(file)
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.description.endswith("labels counted from 0, not from 1 as in DFEW's own lists.")


def test_official_annotation_with_few_labels_still_counts_from_1(write):
    assert labels(read_list(write("video_name,label\n1,2\n"), official=True)) == ["sad"]


def test_ferv39k(write):
    clip_list = read_list(write("".join(f"Action/{name.title()}/0267 {name.title()}\n" for name in EXPRESSIONS)))
    assert labels(clip_list) == list(EXPRESSIONS)
    assert clip_list.description.endswith("7 clips, FERV39K style (path, expression).")


def test_names_in_a_table(write):
    clip_list = read_list(write("path,label\na,Happiness\nb,fearful\n"))
    assert labels(clip_list) == ["happy", "fear"]
    assert "fearful read as fear, Happiness read as happy" in clip_list.description


def test_numbers_in_parquet(tmp_path):
    pq.write_table(pa.table({"path": ["a", "b"], "label": [0, 6]}), tmp_path / "clips.parquet")
    assert labels(read_list(tmp_path / "clips.parquet")) == ["happy", "fear"]


def test_new_labels_where_they_are_welcome(write):
    file = write("path,label\na,Contempt\nb,joy\nc,contempt\n")
    assert labels(read_list(file, new_labels=True)) == ["Contempt", "happy", "Contempt"]
    assert "Contempt as a new class" in read_list(file, new_labels=True).description
    message = message_of([file])
    assert "no expression (2)" in message and "line 2: a has label Contempt" in message and "surprise" in message


def test_files_are_judged_together_for_their_range(write):
    train = write("video_name,label\n1,1\n2,7\n", "train.csv")
    test = write("video_name,label\n3,4\n", "test.csv")
    assert labels(read_lists([train, test])[1]) == ["angry"]
    assert "counted from 0 or from 1" in message_of([test])


def test_each_format_keeps_its_own_range(write):
    own = write("video_name,label\n1,1\n2,7\n", "own.csv")
    community = write("x/3 20 0\nx/4 20 6\n")
    assert [labels(part) for part in read_lists([own, community])] == [["happy", "fear"]] * 2


# A label map


def test_label_map_says_what_numbers_mean(write):
    file = write("path,id\nInterview/Happy/0118,3\nInterview/Angry/0119,0\n")
    clip_list = read_list(file, label_map={0: "angry", 3: "happy"})
    assert labels(clip_list) == ["happy", "angry"]
    assert clip_list.description.endswith("labels as `label_map` says.")


def test_label_map_that_contradicts_the_paths(write):
    file = write("path,id\nInterview/Happy/0118,3\nInterview/Angry/0119,0\n")
    message = message_of([file], label_map={0: "angry", 3: "sad"})
    assert "(1 of 2)" in message and "line 2: Interview/Happy/0118 has label 3, which means sad, not happy" in message
    assert ALPHABETICAL in message


def test_label_map_with_a_gap(write):
    message = message_of([write("x/1 20 3\nx/2 20 4\nx/3 20 0\n")], label_map={3: "sad"})
    assert "labels without a meaning (2)" in message and "line 2: x/2 has label 4" in message
    assert "0=<name> 4=<name>" in message


def test_label_map_for_names_is_refused(write):
    message = message_of([write("Action/Happy/0267 Happy\n")], label_map={0: "happy"})
    assert "`label_map` says nothing; leave it out" in message


# Numbers that contradict the expression in the path


def test_alphabetical_ids(write):
    names = sorted(EXPRESSIONS)
    rows = [f"Interview/{name.title()}/0118,{number}" for number, name in enumerate(names)]
    file = write("path,id\n" + "\n".join(rows))
    message = message_of([file])
    assert "contradict the expression in the path (7 of 7)" in message
    assert f"{file}, line 2: Interview/Angry/0118 has label 0, which means happy, not angry" in message
    assert message.count("which means") == 5  # the first ones, not all
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
    assert f"labels counted from {first}" in clip_list.description


def test_paths_that_no_mapping_fits(write):
    message = message_of([write("a/Happy/1 3\na/Happy/2 0\na/Sad/3 3\n")])
    assert "which means angry, not happy" in message and "No mapping resolves that" in message
    assert "0 with happy (1), 3 with happy (1), 3 with sad (1)" in message
    assert "--label_map" not in message and "names instead of numbers" in message


def test_the_innermost_folder_counts(write):
    assert labels(read_list(write("neutral/Happy/1 0\nneutral/Fear/2 6\n"))) == ["happy", "fear"]


def test_a_folder_above_all_clips_says_nothing(write):
    assert labels(read_list(write("/home/joy/DFEW/02522 5\n/home/joy/DFEW/02523 3\n"))) == ["disgust", "angry"]


def test_the_clips_own_name_says_nothing(write):
    assert labels(read_list(write("a/happy 5\na/sad 0\n"))) == ["disgust", "happy"]


def test_a_name_that_contradicts_the_path_of_ferv39k(write):
    message = message_of([write("Action/Happy/0267 Happy\nAction/Happy/0268 Sad\n")])
    assert "(1)" in message and "line 2: Action/Happy/0268 has label Sad" in message and "No mapping" in message


def test_a_name_in_a_table_counts_more_than_the_path(write):
    clip_list = read_list(write("path,label\nJoy/1.mp4,sad\nJoy/2.mp4,happiness\n"))
    assert labels(clip_list) == ["sad", "happy"]
    assert "another expression than their label (1), as Joy/1.mp4, sad: the label counts" in clip_list.description


# Numbers that are off by one, or open


@pytest.mark.parametrize("line", ["/x/DFEW_Face/{clip} 66 {label}", "/x/jpg_256/{clip} {label}"])
def test_labels_from_1_where_the_format_counts_from_0(write, line):
    file = write(numbered(line, range(1, 8)))
    message = message_of([file])
    assert f"{file}, line 7: " in message and "00007 has label 7" in message
    assert "should be 0 to 6, here they are 1 to 7, off by one" in message and message.endswith(USUAL_1)


def test_labels_from_0_in_the_official_annotation(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(7)))
    message = message_of([file], official=True)
    assert f"{file}, line 2: 00000 has label 0" in message
    assert "should be 1 to 7, here they are 0 to 6, off by one" in message and message.endswith(USUAL_0)
    assert labels(read_list(file, label_map=dict(enumerate(EXPRESSIONS)), official=True)) == list(EXPRESSIONS)


def test_an_open_range_is_asked_about_with_both_mappings(write):
    file = write("video_name,label\n" + numbered("{clip},{label}", range(1, 7)))
    message = message_of([file])
    assert str(file) in message and "1 to 6" in message and USUAL_0 in message and USUAL_1 in message
    assert labels(read_list(file, label_map=dict(enumerate(EXPRESSIONS, 1)))) == list(EXPRESSIONS[:6])


def test_a_community_list_without_the_first_of_all_classes_is_asked_about(write):
    message = message_of([write(numbered("x/{clip} 66 {label}", range(1, 7)))])
    assert USUAL_0 in message and USUAL_1 in message


def test_a_short_community_list_is_taken_at_its_format(write):
    assert labels(read_list(write("/x/DFEW_Face/02522 66 5\n"))) == ["disgust"]


def test_lists_that_count_from_different_numbers(write):
    own = write("video_name,label\n" + numbered("{clip},{label}", range(1, 8)), "own.csv")
    other = write("video_name,label\n" + numbered("9{clip},{label}", range(7)), "other.csv")
    message = message_of([own, other])
    assert f"1 to 7 in {own}, 0 to 6 in {other}" in message and "rewrite one list" in message


@pytest.mark.parametrize("number", [-1, 8, 99])
def test_numbers_of_no_expression(write, number):
    message = message_of([write(f"x/1 20 0\nx/2 20 {number}\nx/3 20 6\n")])
    assert f"line 2: x/2 has label {number}" in message and f"{number}=<name>" in message


def test_numbers_from_0_to_7_are_eight_classes(write):
    message = message_of([write(numbered("x/{clip} 66 {label}", range(8)))])
    assert "should be 0 to 6, here they are 0 to 7" in message and "off by one" not in message


# Clips that are listed twice


def test_a_clip_with_two_labels(write):
    file = write("x/1 20 0\nx/2 20 1\nx/1 20 1\n")
    message = message_of([file])
    assert f"{file}, line 1: x/1 is happy" in message and f"{file}, line 3: x/1 is sad" in message


def test_a_clip_with_two_labels_in_two_lists(write):
    train, test = write("x/1 20 0\n", "train.txt"), write("x/1 20 1\n", "test.txt")
    message = message_of([train, test])
    assert f"{train}, line 1: x/1 is happy" in message and f"{test}, line 1: x/1 is sad" in message


def test_a_repeated_line_counts_once(write):
    clip_list = read_list(write("x/1 20 0\nx/2 20 1\nx/1 25 0\n"))
    assert [(clip.path, clip.line) for clip in clip_list.clips] == [("x/1", 1), ("x/2", 2)]
    assert "2 clips" in clip_list.description and "Repeated lines (1)" in clip_list.description


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
