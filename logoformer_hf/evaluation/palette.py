"""The colours of all pictures."""

INK, MUTED, EMPTY = "#2b2f3a", "#8a90a0", "#f1f2f5"
PAPER, CARD, LINE, MUTED_ON_PAPER = "#f6f4ef", "#ffffff", "#d9d6cd", "#656b78"  # pictures in the documentation
BLUE, ORANGE, GREEN, VIOLET = "#3a6ea5", "#d9822b", "#3f9477", "#8064a2"
# Paul Tol's "bright" scheme for colour-blind readers (https://sronpersonalpages.nl/~pault/), in label order. Classes
# also have different markers, which distinguish more than seven classes.
CLASS_COLORS = ("#CCBB44", "#4477AA", "#BBBBBB", "#EE6677", "#66CCEE", "#228833", "#AA3377")
CLASS_MARKERS = ("o", "s", "P", "^", "D", "v", "X", "p", "<", ">", "*")
