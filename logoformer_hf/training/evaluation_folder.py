"""What an output folder of `logoformer evaluate` holds: only the same command may replace it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .._files import write_json
from ..data.sources.arguments import SourceArguments
from ..evaluation.predictions import PREDICTIONS_FILE, RUN_FOLDERS, read_predictions
from .evaluation_arguments import EvaluationArguments
from .run_folder import comparable, comparable_path, default_settings, read_settings

EVALUATION_FILE = "evaluation.json"
# Where, how fast, and whether at all; which clips were left out is in the result.
_NOT_DECIDING = (
    *("output_dir", "allow_seen_clips", "batch_size", "num_workers", "use_cpu"),
    *("cache_dir", "on_problem", "check"),
)
_DEFAULTS = default_settings(EvaluationArguments, SourceArguments)  # of settings that an earlier version does not know


def deciding_settings(args: EvaluationArguments, source_args: SourceArguments) -> dict[str, Any]:
    """All settings that the result of an evaluation depends on, as JSON values."""
    settings = comparable(asdict(source_args) | asdict(args) | {"model": comparable_path(args.model)})
    return {name: value for name, value in settings.items() if name not in _NOT_DECIDING}


def check_same_evaluation(output_dir: Path, settings: dict[str, Any]) -> None:
    """
    Compares an evaluation with the one that is in its folder.

    Args:
        output_dir: the folder; it may not exist.
        settings: of `deciding_settings`.

    Raises:
        ValueError: it holds predictions of another evaluation, or of one of an earlier version, which did not store
            its settings; or its file of settings is damaged.
    """
    held = next(
        (file for place in RUN_FOLDERS for file in sorted(output_dir.glob(f"{place}{PREDICTIONS_FILE}"))), None
    )
    if held is None:
        return
    file = output_dir / EVALUATION_FILE
    if file.exists():
        known = comparable(_DEFAULTS) | read_settings(file)
        differing = [name for name in sorted(settings) if known.get(name) != settings[name]]
        if not differing:
            return
        why = ", ".join(f"{name} {known.get(name)!r} (now {settings[name]!r})" for name in differing[:3])
    else:
        why = f"there is no {EVALUATION_FILE} in it, so it is not known whether this is the same evaluation"
    run = read_predictions(held).run
    data = ", ".join(filter(None, (run.data.dataset_name, run.data.part)))
    raise ValueError(
        f"`output_dir` is {output_dir}, which holds an evaluation of {run.model} on {data}, split "
        f"{run.split!r}: {why}. "
        "It would be overwritten: choose another folder, or delete that one."
    )


def keep_settings(output_dir: Path, settings: dict[str, Any]) -> None:
    """Writes the settings of an evaluation to its folder."""
    write_json(output_dir / EVALUATION_FILE, settings)
