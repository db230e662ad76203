"""The list of all files of an output folder."""

from dataclasses import dataclass
from fnmatch import fnmatch

from ..data.folder_lock import HOLDER_FILE, LOCK_FILE
from ..data.trained_on import TRAINED_ON_FILE
from ..evaluation.predictions import PREDICTIONS_FILE
from ..evaluation.report_files import PROJECTION_FILE
from ..hub.push import CODE, PUBLISHED
from .checkpoints import STATE_FILE
from .evaluation_folder import EVALUATION_FILE
from .held_out import HELD_OUT_FILE, SHARE_FILE
from .pretrain_clips import COLLAPSED_FILE, PRETRAINING_FILE
from .run_files import RESULTS_FILE
from .run_folder import SETTINGS_FILE


@dataclass(frozen=True)
class OutputFile:
    """
    A file of an output folder.

    Attributes:
        pattern: its name, which may have wildcards; a folder's ends in "/".
        content: what it contains; `docs/outputs.md` has the schema.
        written_by: "run" (training and test of one run, in the run's folder), "report" (in the folder of all runs,
            which is the same where there is one run), "evaluation" (`logoformer evaluate`, beside the report) or
            "pretraining" (`logoformer pretrain-clips`, beside the files of a run that are no results of a test).
        when: point of the run at which it is written.
    """

    pattern: str
    content: str
    written_by: str
    when: str

    @property
    def is_published(self) -> bool:
        """Whether `logoformer push` uploads it."""
        return any(fnmatch(self.pattern, allowed) or self.pattern == allowed for allowed in PUBLISHED)


OUTPUT_FILES = (
    OutputFile(SETTINGS_FILE, "settings that decide the result; a resume compares them", "run", "first"),
    OutputFile(LOCK_FILE, "nothing; a program that works in the folder holds its lock", "run", "first"),
    OutputFile(HOLDER_FILE, "process and machine of that program, and since when", "run", "removed at the end"),
    OutputFile(TRAINED_ON_FILE, "digests of the clips that trained the model and chose its epoch", "run", "first"),
    OutputFile("problems.csv", "clips that cannot be used: clip, path, reason", "run", "where there are any"),
    OutputFile(HELD_OUT_FILE, "names of the training clips that the epoch is chosen on", "run", "before the training"),
    OutputFile(SHARE_FILE, "names of the clips that are trained on, of a share", "run", "before the training"),
    OutputFile("checkpoint-*/", "model, optimiser, scheduler and random state, to go on from", "run", "every epoch"),
    OutputFile("config.json", "architecture and labels", "run", "after the test"),
    OutputFile("model.safetensors", "weights of the tested epoch", "run", "after the test"),
    OutputFile("video_preprocessor_config.json", "sampling, size and normalisation", "run", "after the test"),
    *(OutputFile(name, "code that loads the model without this package", "run", "after the test") for name in CODE),
    OutputFile(RESULTS_FILE, "test scores, losses and times", "run", "after the test"),
    OutputFile(STATE_FILE, "what the training logged", "run", "after the test"),
    OutputFile(PREDICTIONS_FILE, "one row per test clip; it marks the run as finished", "run", "after the test, last"),
    OutputFile(
        "training_curves.png", "losses, UAR and WAR on validation, learning rate", "run", "when it is finished"
    ),
    OutputFile("README.md", "model card with the results", "run", "when it is finished"),
    OutputFile(
        EVALUATION_FILE, "settings of the evaluation; only the same one replaces it", "evaluation", "before the test"
    ),
    OutputFile(COLLAPSED_FILE, "why the pretraining ended; it does not go on", "pretraining", "where it collapses"),
    OutputFile(
        PRETRAINING_FILE, "what was explained of the clips that were held out; it marks the end", "pretraining", "last"
    ),
    OutputFile("report.md", "the report in tables", "report", "after all runs"),
    OutputFile("report.json", "the report as numbers", "report", "after all runs"),
    OutputFile(
        "confusion_matrix.png", "clips by true and predicted class", "report", "when a run is finished, and after all"
    ),
    OutputFile("recalls.png", "recall of every class with its interval", "report", "after all runs"),
    OutputFile(PROJECTION_FILE, "embeddings of test clips by t-SNE", "report", "after all runs, of 10 clips or more"),
)
