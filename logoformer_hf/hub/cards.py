"""Functions that the cards of models and of data sets share."""

import re
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id


def hub_repo(name_or_path: str | None) -> str | None:
    """
    The repository `owner/name` of a model; None for a local path, which has no meaning for readers of a card.

    Args:
        name_or_path: a repository, a file or folder, or a path in the cache of the Hub, which contains the repository.
    """
    if name_or_path is None:
        return None
    if cached := re.search(r"models--([^/\\]+)", name_or_path):
        return cached[1].replace("--", "/")
    try:
        validate_repo_id(name_or_path)
    except HFValidationError:
        return None
    return None if Path(name_or_path).exists() else name_or_path


def rename_card(text: str, repo_name: str) -> str:
    """
    Replaces the name of the folder in title, metadata and snippets of a card by that of its repository.

    Args:
        text: a card by `write_model_card` or `write_dataset_card`. A card without their first snippet, e.g. one
            written by hand, is returned unchanged.
        repo_name: `owner/name`.
    """
    snippet = re.search(r'(?:model=|load_dataset\()"([^"]+)"', text)
    if snippet is None:
        return text
    for before, after in (
        ("\n# ", "\n"),
        ("\n- name: ", "\n"),
        ("\n- name: '", "'\n"),
        ('"', '"'),
        ("hf download ", " "),
    ):
        text = text.replace(f"{before}{snippet[1]}{after}", f"{before}{repo_name}{after}")
    return text
