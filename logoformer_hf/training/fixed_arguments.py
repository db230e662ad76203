"""Arguments of `transformers.TrainingArguments` that must keep their value in a training on clips."""

from typing import Any

# Name -> (the value that it must keep, why).
FIXED_ARGUMENTS: dict[str, tuple[Any, str]] = {
    "train_sampling_strategy": (
        "random",
        "all clips of a batch have the same length, and their order is that of `seed`; see `class_balanced_sampling`",
    ),
    "dataloader_drop_last": (False, "every clip is trained on once in an epoch, and every test clip is tested"),
    "dataloader_in_order": (True, "otherwise the order of the clips depends on how fast they are read"),
    "average_tokens_across_devices": (True, "the loss is a mean over the clips of all processes"),
    "remove_unused_columns": (False, "the data set reads the columns of a clip, not the model"),
    "prediction_loss_only": (False, "the scores of the clips are needed"),
    "batch_eval_metrics": (False, "recalls are those of all clips, not of a batch"),
    "eval_do_concat_batches": (True, "recalls are those of all clips, not of a batch"),
}
# The same for the fields of `accelerator_config`.
FIXED_IN_ACCELERATOR: dict[str, tuple[Any, str]] = {
    "split_batches": (False, "`per_device_train_batch_size` is the number of clips of one process"),
    "dispatch_batches": ((None, False), "every process reads its own clips"),
    "even_batches": (True, "all processes must take the same number of steps"),
}


def check_fixed_arguments(args: Any) -> None:
    """
    Checks that none of these arguments was changed.

    Args:
        args: training arguments; those that their version of transformers does not have are not looked at.

    Raises:
        ValueError: one of them was changed; the message names it, what it must be, and why.
    """
    for holder, prefix, fixed in (
        (args, "", FIXED_ARGUMENTS),
        (args.accelerator_config, "accelerator_config.", FIXED_IN_ACCELERATOR),
    ):
        for name, (values, reason) in fixed.items():
            values = values if isinstance(values, tuple) else (values,)
            value = getattr(holder, name, values[0])
            if value not in values:
                raise ValueError(f"`{prefix}{name}` is {value!r}; it must stay {values[0]!r}: {reason}.")
