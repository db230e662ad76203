"""What programs print."""

import io
import sys

from logoformer_hf._console import print_any_name


def test_a_name_that_the_encoding_lacks_is_printed_with_escapes(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    print_any_name()
    print("a\N{EN DASH}\N{LATIN SMALL LETTER U WITH DIAERESIS}\udcff.mp4", flush=True)
    assert written.getvalue() == rb"a\u2013\xfc\udcff.mp4" + b"\n"
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    print_any_name()  # not a file
