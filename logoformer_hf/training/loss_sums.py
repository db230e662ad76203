"""Each loss summed over the clips since the last log or the start of an evaluation."""

from collections.abc import Mapping

import torch
from accelerate import Accelerator


class LossSums:
    """Sums of losses and the number of their clips; each process adds up its own."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}

    def __bool__(self) -> bool:
        """Whether anything was added since the last call of `means`."""
        return bool(self._sums)

    def add(self, losses: Mapping[str, torch.Tensor], num_clips: torch.Tensor | int) -> None:
        """Adds losses summed over `num_clips` clips, without waiting for the device."""
        sums = {name: loss.detach() for name, loss in losses.items()}
        like = next(iter(sums.values()))
        sums["num_clips"] = torch.as_tensor(num_clips, dtype=like.dtype, device=like.device)
        self._sums = {name: value + self._sums[name] for name, value in sums.items()} if self._sums else sums

    def forget(self) -> None:
        """Begins again."""
        self._sums = {}

    def means(self, accelerator: Accelerator) -> dict[str, float]:
        """
        Means over the clips of all processes; begins again.

        Raises:
            ValueError: nothing was added.
        """
        if not self._sums:
            raise ValueError("there are no losses to average: the data set has no clips.")
        names, sums = list(self._sums), accelerator.reduce(torch.stack(list(self._sums.values())), reduction="sum")
        self.forget()
        means = dict(zip(names, (sums / sums[names.index("num_clips")]).tolist(), strict=True))
        del means["num_clips"]
        return means
