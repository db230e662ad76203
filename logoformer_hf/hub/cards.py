"""Functions that the cards of models and of data sets share."""

import json
import re
import shlex
from pathlib import Path

import yaml
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from .._text import shown_name
from ..evaluation.tables import plain_text

# In the snippets of a card: what the name of the model or the data set follows, and a string.
_LOADS = r"(model=|\.from_pretrained\(|load_dataset\()"
_STRING = r'"(?:[^"\\\n]|\\.)*"'


def hub_repo(name_or_path: str | None) -> str | None:
    """
    The repository `owner/name` of a model; None for a local path, which has no meaning for readers of a card.

    Args:
        name_or_path: a repository, a file or folder, or a path in the cache of the Hub, which contains the repository.
    """
    if name_or_path is None:
        return None
    if cached := re.search(r"models--([^/\\]+)", name_or_path):
        name_or_path = cached[1].replace("--", "/")
    try:
        validate_repo_id(name_or_path)
    except HFValidationError:
        return None
    return None if Path(name_or_path).exists() and not cached else name_or_path


def quoted_name(name: str) -> str:
    """A name as a string of Python in a snippet: in one line, what cannot be shown as escapes."""
    quoted = json.dumps(name, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in quoted)


def shell_name(name: str) -> str:
    """A name as a word of a shell in a snippet."""
    return shlex.quote(shown_name(name, None))


def rename_card(text: str, repo_name: str) -> str:
    """
    Replaces the name of the folder in title, metadata and snippets of a card by that of its repository.

    Only the places where the cards have it are replaced: the name of the metadata's `model-index`, the heading, and
    the arguments of the functions that load the model or the data. The same word elsewhere stays.

    Args:
        text: a card by `write_model_card` or `write_dataset_card`. A card without their first snippet, e.g. one
            written by hand, is returned unchanged.
        repo_name: `owner/name`.
    """
    snippet = re.search(rf"{_LOADS}({_STRING})", text)
    if snippet is None:
        return text
    try:
        name: str = json.loads(snippet[2])
    except ValueError:  # a string of Python that somebody has written
        return text
    start, end, rest = _split_metadata(text)
    index = re.search(r"^(model-index:\n- name:) (.*)$", start, re.MULTILINE)
    if index and _value_of(index[2]) == name:
        start = f"{start[: index.start()]}{index[1]} {repo_name}{start[index.end() :]}"
    rest = re.sub(rf"^# {re.escape(plain_text(name))}$", lambda _: f"# {repo_name}", rest, count=1, flags=re.MULTILINE)
    old, new = re.escape(quoted_name(name)), quoted_name(repo_name)
    rest = re.sub(rf"{_LOADS}{old}", lambda match: match[1] + new, rest)
    download = re.escape(shell_name(name))
    rest = re.sub(rf"^(hf download ){download}(?= )", lambda match: match[1] + repo_name, rest, flags=re.MULTILINE)
    return start + end + rest


def _split_metadata(text: str) -> tuple[str, str, str]:
    """The metadata of a card, the line that ends them, and the text; empty metadata where there are none."""
    if not re.match(r"---[ \t]*\n", text):
        return "", "", text
    start, end, rest = text.partition("\n---\n")
    return (start, end, rest) if end else ("", "", text)


def _value_of(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):  # also impossible dates, and lists in lists without end
        return None
