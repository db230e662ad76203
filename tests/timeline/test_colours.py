"""The colours of expressions: one for each, told apart by colour-blind readers, with readable text on them."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from logoformer_hf.configuration_logoformer import EXPRESSIONS
from logoformer_hf.timeline.colours import expression_colours, ink_on, paler, rgb_of

# Machado, Oliveira and Fernandes, 2009, at full severity, for linear RGB.
SIMULATED = {
    "normal": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def linear(colour: str) -> np.ndarray:
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ (0.2126, 0.7152, 0.0722))


def cielab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    f = np.cbrt(np.clip(to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1, 1.089), 0.008856, None))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", SIMULATED)
def test_the_seven_and_unsure_differ_for_every_reader(vision):
    seen = {name: cielab(SIMULATED[vision] @ linear(c)) for name, c in expression_colours(EXPRESSIONS).items()}
    assert len(seen) == 8
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 12, (one, other)


def test_an_expression_has_its_colour_in_any_model():
    colours = expression_colours(EXPRESSIONS)
    fewer = expression_colours(["calm", "fear", "Happiness"])
    assert (fewer["fear"], fewer["Happiness"]) == (colours["fear"], colours["happy"])
    assert list(fewer) == ["calm", "fear", "Happiness", "unsure"] and fewer["unsure"] == colours["unsure"]
    assert fewer["calm"] not in (colours["fear"], colours["happy"], colours["unsure"])


def test_two_synonyms_and_many_labels_have_a_colour_each():
    names = ["happy", "joy", *(f"class {number}" for number in range(28))]
    colours = expression_colours(names)
    assert len(set(colours.values())) == len(names) + 1


def test_a_class_called_unsure_is_one_label():
    assert list(expression_colours(["unsure", "happy"])) == ["unsure", "happy"]


@pytest.mark.parametrize("colour", [*expression_colours(EXPRESSIONS).values(), "#000000", "#ffffff"])
def test_text_is_readable_on_every_colour(colour):
    light, dark = sorted((luminance(colour), luminance(ink_on(colour))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.1


def test_conversions():
    assert rgb_of("#ff8000") == (255, 128, 0)
    assert paler("#000000", 1) == "#ffffff" and paler("#102030", 0) == "#102030"
