"""Errors are checked by what they name, not by how they say it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def raises_naming(
    error: type[Exception] | tuple[type[Exception], ...], *words: object
) -> Iterator[pytest.ExceptionInfo]:
    """
    As `pytest.raises`; the message must hold all of these words.

    Args:
        error: class of the error, or several.
        words: identifiers, values, file names: what a user looks for in the message.
    """
    with pytest.raises(error) as caught:
        yield caught
    check_named(str(caught.value), *words)


def check_named(message: str, *words: object) -> None:
    """The message holds all of these words."""
    missing = [str(word) for word in words if str(word) not in message]
    assert not missing, f"{missing} is not in the message: {message}"
