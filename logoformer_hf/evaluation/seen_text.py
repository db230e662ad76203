"""Says which tested clips a model had met before, for reports and cards."""

from .predictions import RunInfo


def describe_seen_clips(run: RunInfo) -> list[str]:
    """Sentences in Markdown; none where the model had met no clip, or where that was not looked at."""
    seen = run.seen_clips
    if seen is None:
        return []
    said = []
    if seen.trained_on:
        said.append(
            f"**Trained on tested clips:** the model was trained on {seen.trained_on:,} of the clips that are tested, "
            "so all numbers are too high. They say nothing about new clips."
        )
    if seen.chosen_on and run.selection != "test" and run.split != "validation":
        said.append(
            f"**Chosen on tested clips:** an epoch of the model was chosen on {seen.chosen_on:,} of the clips that "
            "are tested, so all numbers are too high by what that choice gained."
        )
    if seen.validation_trained_on:
        said.append(
            f"**Chosen on training clips:** the model had been trained on {seen.validation_trained_on:,} of the clips "
            "that the epoch was chosen on, which makes that choice worth little, and the temperature of the scores "
            "too sure."
        )
    if seen.equal:
        said.append(
            f"{seen.equal:,} of the tested clips have the content of training clips: the authors of the data set list "
            "them in both."
        )
    if not seen.is_history_known:
        said.append(
            "Not all clips that the model was trained on before are recorded: some of the tested ones may be among "
            "them."
        )
    if not seen.is_comparable:
        said.append(
            "The clips that the model was trained on, or the tested ones, are in shards of version 0.1, which do not "
            "identify the clips that they were made from: whether the model met the tested clips is not known."
        )
    return said
