"""Writes a report as text (`report.md`), as JSON (`report.json`) and as pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._files import error_as_warning, write_json, write_text
from .._text import shown_name
from .compare import Comparison, compare_runs, plot_comparison
from .plots import plot_confusion_matrix, plot_projections, plot_recalls
from .predictions import Predictions, group_by_seed
from .projection import ProjectionError, project
from .report import ProjectionNote, Report, summarise_runs
from .report_text import format_report, of_seed, report_title
from .significance import recall_estimates

PROJECTION_FILE = "projection.png"


def write_report(output_dir: str | Path, runs: Sequence[Predictions], beside: Sequence[Predictions] = ()) -> Report:
    """
    Writes `report.md`, `report.json`, `confusion_matrix.png`, `recalls.png` and `projection.png`.

    With several seeds the confusion matrix, the recalls and the projection are those of the first seed. The projection
    shows the first fold only, since every fold has its own model. A picture that cannot be drawn is a warning.

    Args:
        output_dir: folder to write to.
        runs: predictions of all folds and seeds of one experiment.
        beside: predictions of another experiment to compare with, e.g. without compact loss. Where its clips differ,
            the clips in common are compared and the report has a note on it.

    Raises:
        ValueError: no runs, runs that cannot be grouped (see `group_by_seed`), or `beside` cannot be compared (see
            `compare_runs`). Nothing is written then.
    """
    output_dir = Path(output_dir)
    by_seed = group_by_seed(runs)
    comparison = compare_runs(beside, runs, common=True) if beside else None
    output_dir.mkdir(parents=True, exist_ok=True)

    first = next(iter(by_seed.values()))[0]
    report = summarise_runs(runs, _draw_projection(output_dir / PROJECTION_FILE, first, comparison), comparison)
    write_json(output_dir / "report.json", report.to_json())
    write_text(output_dir / "report.md", format_report(report, comparison))
    _draw_numbers(output_dir, report)
    return report


def _draw_numbers(output_dir: Path, report: Report) -> None:
    matrix, names = np.array(report.seeds[0].pooled.confusion_matrix), report.run.label_names
    title = f"{report_title(report, shown_name)}{of_seed(report)}{report.run.mark}"
    with error_as_warning(f"{output_dir / 'confusion_matrix.png'} was not drawn"):
        plot_confusion_matrix(matrix, names, output_dir / "confusion_matrix.png", title)
    with error_as_warning(f"{output_dir / 'recalls.png'} was not drawn"):
        plot_recalls(recall_estimates(matrix), matrix.sum(axis=1), names, output_dir / "recalls.png", title)


def _draw_projection(path: Path, first: Predictions, comparison: Comparison | None) -> ProjectionNote:
    """Draws the first run, together with the compared run where both have embeddings of one fold."""
    note = ProjectionNote(missing="the picture could not be drawn")
    with error_as_warning(f"{path} was not drawn"):
        note = _draw_embeddings(path, first, comparison)
    return note


def _draw_embeddings(path: Path, first: Predictions, comparison: Comparison | None) -> ProjectionNote:
    run = first.run
    try:
        if comparison is not None and comparison.embeddings is not None:
            theirs, ours = plot_comparison(comparison, path)
            name, beside = comparison.embeddings[0], theirs.silhouette
        elif first.embeddings is not None:
            name, beside = run.name, None
            [ours] = project([first.embeddings], first.labels)
            title = f"{run.data.dataset_name}, {name}: embeddings of {len(ours.labels):,} test clips{run.mark}"
            plot_projections([(run.description, ours)], run.label_names, path, title)
        else:
            return ProjectionNote(missing="the model gives no embeddings")
    except ProjectionError as error:
        return ProjectionNote(missing=str(error))
    return ProjectionNote(path.name, name, len(ours.labels), ours.silhouette, beside)
