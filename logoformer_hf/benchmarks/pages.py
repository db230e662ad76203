"""Sections of the documentation's pages that programs write: the text between two marks is replaced."""

from pathlib import Path

from .._files import write_text


def write_section(page: str | Path, name: str, text: str) -> None:
    """Replaces a section of a Markdown page; the rest stays as it is.

    Args:
        page: a file with the lines `<!-- NAME -->` and `<!-- end of NAME -->`.
        name: of the section.
        text: what stands between the two lines from now on.

    Raises:
        OSError: the page cannot be read or written.
        ValueError: it does not have the two lines.
    """
    page = Path(page)
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found_start, rest = page.read_text(encoding="utf-8").partition(start)
    _, found_end, after = rest.partition(end)
    if not found_start or not found_end:
        lacking = end if found_start else start.strip()
        raise ValueError(f"{page} lacks the line {lacking!r}, where the section belongs")
    write_text(page, f"{before}{start}\n{text.strip()}\n\n{end}{after}")
