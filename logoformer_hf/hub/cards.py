"""What the cards of models and of data sets have in common."""

import re
from pathlib import Path

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id


def hub_repo(name_or_path: str | None) -> str | None:
    """
    The repository of a model, None for one that is on this disk only: its path would tell of folders, not of models.

    Args:
        name_or_path: a repository, a file or folder, or one in the cache of the Hub, which knows its repository.
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
    The card for the repository that it goes to: title, metadata and snippets name that instead of a folder.

    Args:
        text: what `write_model_card` or `write_dataset_card` wrote. A card without their first snippet comes back as
            it is: somebody wrote it by hand.
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
