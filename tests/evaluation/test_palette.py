"""Colours and markers by which classes are told apart."""

import re

from logoformer_hf import EXPRESSIONS
from logoformer_hf.evaluation import palette
from logoformer_hf.evaluation.palette import CLASS_COLORS, CLASS_MARKERS


def test_every_expression_has_a_colour_of_its_own():
    assert len(set(CLASS_COLORS)) == len(CLASS_COLORS) == len(EXPRESSIONS)


def test_no_two_of_eleven_classes_look_alike():
    looks = {(CLASS_COLORS[n % len(CLASS_COLORS)], CLASS_MARKERS[n % len(CLASS_MARKERS)]) for n in range(11)}
    assert len(looks) == 11
    assert len({marker for _, marker in looks}) == 11


def test_colours_are_written_out():
    named = [value for name, value in vars(palette).items() if name.isupper() and isinstance(value, str)]
    assert len(set(named)) == len(named) >= 7
    assert all(re.fullmatch("#[0-9A-Fa-f]{6}", color) for color in (*named, *CLASS_COLORS))
