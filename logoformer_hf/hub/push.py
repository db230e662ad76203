"""Publishes a trained model in one commit, and checks that it loads with its own code, without this package."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import validate_repo_id
from safetensors import SafetensorError
from transformers.dynamic_module_utils import get_relative_imports

from .._files import hub_card_file, licence_file, read_json_object
from ..data.trained_on import TRAINED_ON_FILE
from ..image_reading_logoformer import first_line
from ..models.files import load_config
from ..safe_reading_logoformer import environment_without_secrets
from .cards import rename_card
from .contents import as_written, check_content, own_file
from .json_contents import REPORT_FILE, RESULTS_FILE, check_classes
from .weight_contents import WEIGHTS_FILE, check_tensors, names_of_weights
from .wheel import build_wheel, files_below

TOKEN_PAGE = "https://huggingface.co/settings/tokens"

# The code of a checkpoint. Checkpoints of earlier versions have the first three or four files.
CODE = (
    "configuration_logoformer.py",
    "modeling_logoformer.py",
    "video_processing_logoformer.py",
    "video_reading_logoformer.py",
    "video_container_logoformer.py",
    "image_reading_logoformer.py",
    "frame_times_logoformer.py",
    "downloading_logoformer.py",
    "reading_limits_logoformer.py",
    "safe_reading_logoformer.py",
    "saved_settings_logoformer.py",
    "saved_weights_logoformer.py",
    "token_windows_logoformer.py",
)
NEEDED = ("README.md", "config.json", "video_preprocessor_config.json", *CODE[:3])
# The only files of an output folder that are published: no checkpoints, optimizer states, pickles or other files.
PUBLISHED = (
    "README.md",
    "config.json",
    "video_preprocessor_config.json",
    *CODE,
    WEIGHTS_FILE,  # or, where they are divided, the files that its index names
    TRAINED_ON_FILE,
    "eval_results.json",
    "report.json",
    "report.md",
    "confusion_matrix.png",
    "projection.png",
    "recalls.png",
    "training_curves.png",
)
# Synthetic clips for the widget on the model's page, cropped to the face.
EXAMPLES = ("examples/happy.mp4", "examples/sad.mp4", "examples/surprise.mp4")
# Files of `hub_card/` that are published with a model: the handler for Inference Endpoints, and the clips.
HUB_CARD_FILES = {
    "handler.py": "handler.py",
    "requirements.txt": "requirements.txt",
    **{name: name for name in EXAMPLES},
}

# Files that would be taken for those of this push: those of an earlier one are deleted.
REPLACED = ("model*.safetensors*", TRAINED_ON_FILE, "data/*.parquet", "logoformer_hf-*.whl")

ATTEMPTS = 5
FIRST_WAIT_SEC = 1.0  # doubles with every attempt

Result = TypeVar("Result")
Content = Path | bytes  # a file to send, or its content


class PushError(RuntimeError):
    """A push that was rejected or failed; the message has the reason and a remedy."""


def push_folder(
    output_dir: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    space: bool = False,
    dry_run: bool = False,
    token: str | None = None,
) -> str | None:
    """
    Publishes the model of an output folder in one commit, and checks the published model.

    Before the upload the folder must load without this package. The model from the Hub must give the same logits, bit
    for bit. After an interruption a second call does not send large files again.

    Args:
        output_dir: folder with the model, its processor, its card (`README.md`) and its results.
        repo_id: `owner/name` on the Hub, created if missing. The Space has the same name.
        private: the repository is visible to its owner only. An existing public repository is rejected.
        space: also publishes the demo in `hub_card/` for this model.
        dry_run: only prints the files and their sizes.
        token: token of the Hub; by default that of `hf auth login` or `HF_TOKEN`.

    Returns:
        Address of the commit; None after a dry run.

    Raises:
        PushError: a missing file, a problem with token or repository, or other logits from the Hub.
        OSError: the installation of this package is incomplete.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise PushError(f"{repo_id!r} is not a name of a repository, e.g. me/logoformer-dfew: {error}") from error
    output_dir = Path(output_dir).resolve()
    files = files_to_push(output_dir)
    demo = space_files() if space else {}
    wheel_name, wheel = build_wheel()  # handler and Space find the package in it; the model loads without it
    with only_own_contents():
        contents = {name: as_written(file) for name, file in files.items()} | {wheel_name: wheel}
    print_files(repo_id, contents)
    if space:
        print_files(f"spaces/{repo_id}", demo | {wheel_name: wheel})
    if dry_run:
        return None

    api, repo_id, token = log_in(repo_id, token)
    logits = logits_by_remote_code(output_dir)
    if not all(map(math.isfinite, logits)):  # NaN would count as equal to the NaN of the published model
        raise PushError(f"{output_dir}: the model gives logits that are infinite or NaN; nothing was sent.")
    card = rename_card(files["README.md"].read_text(encoding="utf-8-sig"), repo_id).encode()
    commit = commit_files(api, repo_id, contents | {"README.md": card}, private=private)
    if logits_by_remote_code(repo_id, revision=commit.oid, token=token) != logits:
        raise PushError(
            f"{commit.commit_url} is published but gives other logits than {output_dir}: do not use it, push again."
        )
    if space:
        variables = {"MODEL_ID": repo_id}
        commit_files(api, repo_id, demo | {wheel_name: wheel}, kind="space", private=private, variables=variables)
        print(f"Space: {api.endpoint}/spaces/{repo_id}")
        if private:
            print("The model is private: add a token with read access as the secret HF_TOKEN in the Space's settings.")
    return commit.commit_url


def log_in(repo_id: str, token: str | None) -> tuple[HfApi, str, str]:
    """The client of the Hub, the name of the repository with its owner, and the token in use."""
    token = token or get_token()
    if token is None:
        raise PushError(
            f"there is no token for the Hub: create one with write access at {TOKEN_PAGE}, then run `hf auth login` "
            "or set HF_TOKEN."
        )
    api = HfApi(token=token)
    if "/" not in repo_id:
        with plain_errors(repo_id):
            repo_id = f"{with_retries(api.whoami)['name']}/{repo_id}"
    return api, repo_id, token


def files_to_push(output_dir: Path) -> dict[str, Path]:
    """
    The files of an output folder that are published, by the allow list `PUBLISHED`; the type of each is checked.

    Returns:
        Path in the repository -> file; also the licence of the code, examples, and the handler for Inference
        Endpoints.

    Raises:
        PushError: a missing file, or one whose content does not match its name.
    """
    if not output_dir.is_dir():
        raise PushError(f"{output_dir}: there is no such folder.")
    output_dir = output_dir.resolve()
    names = [name for name in PUBLISHED if name != WEIGHTS_FILE and os.path.lexists(output_dir / name)]
    with only_own_contents():
        names += (weights := names_of_weights(output_dir))
        files = {name: own_file(output_dir, name) for name in names}
    if not any(name.endswith(".safetensors") for name in files):
        raise PushError(f"{output_dir}: there are no weights (model.safetensors); give the folder of a finished run.")
    if "config.json" in files:
        with only_own_contents():
            kind = read_json_object(files["config.json"]).get("model_type")
        if kind != "logoformer":
            raise PushError(f"{output_dir} holds a {kind}; only a LOGO-Former is published, with its code and card.")
    if missing := [name for name in NEEDED if name not in files]:
        raise PushError(
            f"{output_dir}: {', '.join(missing)} missing; `save_pretrained` of model and processor writes code and "
            "configuration, train_hf.py writes the card."
        )
    for path in files.values():
        check_file(path)
    with only_own_contents():
        check_tensors(output_dir, weights, config := load_config(output_dir))
        for name in (RESULTS_FILE, REPORT_FILE):
            if name in files:
                check_classes(files[name], set((config.id2label or {}).values()))
    imported = {f"{name}.py" for path in files.values() if path.suffix == ".py" for name in get_relative_imports(path)}
    if missing := sorted(imported - set(files)):
        raise PushError(f"{output_dir}: {', '.join(missing)} missing, which the other code files import.")
    files["LICENSE"] = licence_file()
    return files | {name: hub_card_file(path) for name, path in HUB_CARD_FILES.items()}


def space_files() -> dict[str, Path]:
    """The files of the Space: path in the Space -> file in `hub_card/space/`."""
    folder = hub_card_file("space")
    return {path.relative_to(folder).as_posix(): path for path in files_below(folder) if path.name != "__init__.py"}


def check_file(path: Path) -> None:
    """Raises a `PushError` for a file whose content is not what its name says, e.g. a pickle, or weights of NaN."""
    try:
        check_content(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise PushError(f"{path}: the content is not valid {path.suffix} ({error}); nothing was sent.") from error


@contextmanager
def only_own_contents() -> Iterator[None]:
    """Raises a ValueError on files that are not this package's as a `PushError`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise PushError(f"{error} Nothing was sent.") from error


def print_files(repo_id: str, files: Mapping[str, Content]) -> None:
    """Prints the files for a repository with their sizes in MB."""
    sizes = {name: len(file) if isinstance(file, bytes) else file.stat().st_size for name, file in files.items()}
    sizes_mb = {name: size / 1e6 for name, size in sizes.items()}
    print(f"{repo_id}: {len(files)} files, {sum(sizes_mb.values()):.2f} MB")
    for name, size_mb in sizes_mb.items():
        print(f"  {size_mb:10.3f} MB  {name}")


def commit_files(
    api: HfApi,
    repo_id: str,
    files: Mapping[str, Content],
    *,
    private: bool,
    kind: str = "model",
    variables: Mapping[str, str] | None = None,
) -> CommitInfo:
    """
    Creates the repository if missing and sends all files in one commit, with retries after temporary errors. Weights,
    shards and wheels of an earlier push with other names are deleted; other files are kept.

    Args:
        api: client with the token.
        repo_id: `owner/name`.
        files: path in the repository -> file, or its content.
        private: as in `push_folder`.
        kind: kind of the repository, "model", "space" or "dataset".
        variables: environment variables of a Space.

    Raises:
        PushError: the repository is public and `private` is set, or the Hub rejects the push.
    """

    def push() -> CommitInfo:
        sdk = "gradio" if kind == "space" else None
        full_id = api.create_repo(repo_id, private=private, repo_type=kind, space_sdk=sdk, exist_ok=True).repo_id
        if private and not api.repo_info(full_id, repo_type=kind).private:
            raise PushError(
                f"{full_id} exists and is public, but `private` is set: nothing was sent. Make it private in its "
                "settings, or choose another name."
            )
        for key, value in (variables or {}).items():
            api.add_space_variable(full_id, key, value)
        # New for every attempt, so that the files that the Hub already has are checked again.
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=file) for name, file in files.items()
        ]
        # Otherwise old weights in one file would be loaded instead of new ones in several, and old shards with new
        # ones.
        old = [name for name in api.list_repo_files(full_id, repo_type=kind) if name not in files]
        stale = [name for name in old if any(fnmatch(name, pattern) for pattern in REPLACED)]
        operations += [CommitOperationDelete(name) for name in stale]
        return api.create_commit(full_id, operations, commit_message="Upload by logoformer-hf", repo_type=kind)

    with plain_errors(repo_id):
        return with_retries(push)


def with_retries(action: Callable[[], Result]) -> Result:
    """The result of `action`, called at most `ATTEMPTS` times, with growing pauses after temporary errors."""
    for attempt in range(1, ATTEMPTS):
        try:
            return action()
        except Exception as error:
            if not may_pass(error):
                raise
            wait_sec = FIRST_WAIT_SEC * 2 ** (attempt - 1)
            print(f"attempt {attempt} of {ATTEMPTS} failed ({first_line(error)}); next attempt in {wait_sec:g} s")
            time.sleep(wait_sec)
    return action()


def may_pass(error: BaseException | None) -> bool:
    """Whether an error is temporary: a server error, too many requests, or a broken connection, also as its cause."""
    while error is not None:
        if isinstance(error, HfHubHTTPError):
            return error.response.status_code == 429 or error.response.status_code >= 500
        if isinstance(error, (HTTPError, json.JSONDecodeError)):  # an error page of a proxy is not JSON
            return True
        error = error.__cause__
    return False


@contextmanager
def plain_errors(repo_id: str) -> Iterator[None]:
    """Raises errors of the Hub as a `PushError` with a remedy."""
    try:
        yield
    except PushError:
        raise
    except OfflineModeIsEnabled as error:
        raise PushError("HF_HUB_OFFLINE is set: unset it to push.") from error
    except (HTTPError, RuntimeError, ValueError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if may_pass(error):
            message = "the connection to the Hub failed; run the same command again to continue"
        elif status in (401, 404):
            message = f"the Hub does not accept the token; create one with write access at {TOKEN_PAGE}"
        elif status == 403:
            message = f"the token has no write access; check the owner, or create a token at {TOKEN_PAGE}"
        else:
            message = "the Hub rejected the request"
        raise PushError(f"{repo_id}: {message} ({first_line(error)}).") from error


# Run in a separate process, where this package is not imported and the code is loaded with the model.
LOGITS_OF_A_FIXED_CLIP = """
import json, sys
import torch
from transformers import AutoModelForVideoClassification, AutoVideoProcessor

name, revision = sys.argv[1], sys.argv[2] or None
processor = AutoVideoProcessor.from_pretrained(name, revision=revision, trust_remote_code=True)
model = AutoModelForVideoClassification.from_pretrained(name, revision=revision, trust_remote_code=True).eval()
shape = (model.config.num_frames, 120, 160, 3)
clip = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
with torch.inference_mode():
    logits = model(**processor(clip, return_tensors="pt")).logits
print(json.dumps(logits[0].tolist()))
"""


def logits_by_remote_code(name: str | Path, revision: str | None = None, token: str | None = None) -> list[float]:
    """
    Logits of a model for one fixed clip, `(classes,)`, computed without this package, with the model's own code and an
    empty cache. The code of a folder gets neither network nor token.

    Args:
        name: folder, or repository that was published from a checked folder.
        revision: commit of the repository.
        token: for the repository, which may be private; None for a folder.

    Raises:
        PushError: the model does not load.
    """
    with tempfile.TemporaryDirectory() as cache:
        environment = environment_without_secrets() | {
            "HF_HOME": cache,  # where the token of `hf auth login` is
            "HF_TOKEN_PATH": f"{cache}/no-token",
            "HF_HUB_CACHE": f"{cache}/hub",
            "HF_MODULES_CACHE": f"{cache}/modules",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TRANSFORMERS_VERBOSITY": "error",
        }
        environment |= {"HF_HUB_OFFLINE": "1"} if token is None else {"HF_TOKEN": token}
        finished = subprocess.run(
            [sys.executable, "-c", LOGITS_OF_A_FIXED_CLIP, str(name), revision or ""],
            cwd=cache,
            env=environment,
            capture_output=True,
            text=True,
        )
    if finished.returncode != 0:
        reason = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise PushError(f"{name} does not load with `trust_remote_code=True`: {reason}")
    logits: list[float] = json.loads(finished.stdout.splitlines()[-1])
    return logits
