import shlex
import unicodedata

import pytest
from errors import check_named, raises_naming
from hypothesis import given
from hypothesis import strategies as st

from logoformer_hf import EXPRESSIONS
from logoformer_hf.data.labels import (
    canonical_expression,
    check_spellings,
    describe_matches,
    infer_label_map,
    label_map_argument,
    match_label_names,
    parse_label_map,
    usual_label_map,
)


@pytest.mark.parametrize(
    "expression, names",
    [
        ("happy", ["happy", "Happy", "HAPPINESS", "joy", "1_happy", "03-Happiness", " happy "]),
        ("sad", ["sad", "Sadness", "SAD"]),
        ("neutral", ["Neutral", "NEU"]),
        ("angry", ["anger", "Angry", "ang"]),
        ("surprise", ["Surprised", "surprise", "suprise"]),
        ("disgust", ["disgusted", "Disgust", "DIS"]),
        ("fear", ["fearful", "Fear", "scared"]),
        # "Horror" is a scene, "happy2" is not defined.
        (None, ["contempt", "calm", "Horror", "happy2", "unhappy", "", "3", "02522"]),
    ],
)
def test_synonyms(expression, names):
    assert {name: canonical_expression(name) for name in names} == dict.fromkeys(names, expression)


def test_class_names_are_in_the_usual_order_and_new_ones_follow():
    names, class_of = match_label_names(["contempt", "Fear", "joy", "Happiness", "Contempt", "awe "])
    assert names == ["happy", "fear", "Contempt", "awe"]
    assert class_of == {
        "contempt": "Contempt",
        "Contempt": "Contempt",
        "Fear": "fear",
        "joy": "happy",
        "Happiness": "happy",
        "awe ": "awe",
    }
    matches = describe_matches(class_of).split(", ")
    for match, words in zip(matches, (["Happiness", "happy"], ["joy", "happy"], ["Contempt"], ["awe"]), strict=True):
        check_named(match, *words)


def test_matches_are_described_class_by_class():
    matches = describe_matches({"joy": "happy", "afraid": "fear", "Happiness": "happy", "anger": "angry"}).split(", ")
    order = (["anger", "angry"], ["afraid", "fear"], ["Happiness", "happy"], ["joy", "happy"])
    for match, words in zip(matches, order, strict=True):
        check_named(match, *words)


def test_no_matches_to_describe_where_names_are_the_usual_ones():
    assert describe_matches(match_label_names(["Happy", "sad"])[1]) == ""


@pytest.mark.parametrize("name", ["sur-prise", "Sur_Prise", "sur prise", "7. s u r p r i s e"])
def test_separators_inside_a_name_do_not_matter(name):
    assert canonical_expression(name) == "surprise"
    assert match_label_names(["Mixed Feeling", "mixed-feeling", "mixed_feeling"])[0] == ["Mixed Feeling"]


def test_new_names_of_signs_alone_stay_apart():
    assert match_label_names(["?", "-"])[0] == ["-", "?"]


@pytest.mark.parametrize(
    "names",
    [
        ["valence+", "valence-", "valence"],
        ["-1", "+1", "1"],
        ["arousal -1", "arousal 1"],
        ["1.5", "15", "1 5", "1-5"],
        ["level 1", "level 11", "level11"],
        ["हिंसा", "हसा", "हँसी", "हस"],  # Devanagari: vowel signs are combining marks
        ["สุข", "สข", "สู้"],  # Thai
        ["كَتَبَ", "كُتِبَ"],  # Arabic, vowelled
        ["résumé", "resume"],
        ["awe!", "awe?", "awe"],
        ["Maße", "Masse"],
        ["ﬁne", "fine"],
    ],
)
def test_names_that_differ_in_more_than_case_and_separators_stay_apart(names):
    found, class_of = match_label_names(names)
    assert sorted(found) == sorted(names) and class_of == {name: name for name in names}


@pytest.mark.parametrize(
    "names",
    [
        ["Mixed Feeling", "mixed-feeling", "MIXED_FEELING", "mixed  - feeling", " mixedfeeling "],
        ["Level 1", "level_1", "LEVEL  1"],
        ["हँसी मुख", "हँसी_मुख", "हँसी-मुख"],
        ["ÉMU", "ému", unicodedata.normalize("NFD", "Ému")],
    ],
)
def test_names_that_differ_in_case_separators_and_composition_alone_are_one_class(names):
    found, class_of = match_label_names(names)
    assert len(found) == 1 and set(class_of.values()) == set(found) and set(class_of) == set(names)
    assert unicodedata.is_normalized("NFC", found[0])


@pytest.mark.parametrize("name", ["happy+", "happy-", "fear?", "1.5 sad", "-1_sad", "sad2"])
def test_a_sign_or_a_number_is_not_left_out_of_an_expression(name):
    assert canonical_expression(name) is None


def test_two_names_of_one_class_are_asked_about():
    with raises_naming(ValueError, "train/", "'happy'", "'joy'"):
        check_spellings(["sad", "joy", "happy"], "train/")
    with raises_naming(ValueError, "'1_sad'", "'2_sad'"):
        check_spellings(["1_sad", "2_sad"], "here")
    check_spellings(["Sur-prise", "surprise", "SURPRISE", "awe", "Awe", "joy", "3_fear"], "here")
    with raises_naming(ValueError, "label_map", "'anger'", "'angry'"):
        parse_label_map(["0=anger", "1=angry"])


def test_label_map_of_the_command_line():
    assert parse_label_map(["0=Anger", " 1 = disgust", "7=not sure"]) == {0: "angry", 1: "disgust", 7: "not sure"}


@pytest.mark.parametrize(
    "item", ["angry", "angry=0", "0=", "=angry", "0:angry", "0=angry,1=disgust", "0=a=b", "0.5=sad"]
)
def test_an_item_that_is_no_pair_is_named(item):
    with raises_naming(ValueError, repr(item), "--label_map"):
        parse_label_map(["2=sad", item])


def test_a_number_given_twice_is_named():
    with raises_naming(ValueError, "0", "'0=sad'"):
        parse_label_map(["0=angry", "0=sad"])


@given(st.dictionaries(st.integers(-5, 50), st.sampled_from([*EXPRESSIONS, "not sure", "it's"]), min_size=1))
def test_what_a_message_says_to_type_is_what_is_read(label_map):
    option, *items = shlex.split(label_map_argument(label_map))
    assert option == "--label_map"
    assert parse_label_map(items) == label_map


def test_usual_orders():
    assert usual_label_map(0)[0] == usual_label_map(1)[1] == "happy"
    assert usual_label_map(1)[7] == "fear"


def test_an_order_is_inferred_whole_from_a_part_of_it():
    alphabetical = dict(enumerate(["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]))
    assert infer_label_map([(3, "happy")]) == alphabetical
    assert infer_label_map([(0, "angry"), (5, "sad"), (5, "sad")]) == alphabetical
    assert infer_label_map([(1, "happy"), (7, "fear")]) == usual_label_map(1)


def test_an_unknown_order_is_inferred_as_far_as_it_is_seen():
    assert infer_label_map([(0, "sad"), (1, "happy")]) == {0: "sad", 1: "happy"}


def test_nothing_is_inferred_from_contradictions():
    assert infer_label_map([(0, "sad"), (0, "happy")]) is None
    assert infer_label_map([(0, "sad"), (1, "sad")]) is None


@given(st.permutations(EXPRESSIONS), st.integers(0, 3))
def test_every_order_is_inferred_from_all_of_it(order, first):
    pairs = list(enumerate(order, start=first))
    assert infer_label_map(pairs) == dict(pairs)
