"""The user's own stills as rows, in folders named by split and label. A still is a clip of one frame."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ...configuration_logoformer import EXPRESSIONS
from ..facts import DataFacts
from .builder import ClipBuilder, SourcePlan
from .source import CheckOptions, ClipSource, Source
from .split_folders import SPLITS
from .still_tree import CONTEMPT, find_stills, with_test

# A limit of published sets of pictures from the web, for the cards of models.
UNKNOWN_PEOPLE = (
    "**Unknown people.** It is not known who is in the pictures, so some people may be in the training and in the "
    "tested ones."
)


class Stills(ClipBuilder):
    """
    The user's own stills in `data_dir/<split>/<label>/`: `Stills(data_dir).load()`. Labels are read as by
    `ClipFolder`, and `clip_id` is the path in `data_dir`.
    """

    def plan(self) -> SourcePlan:
        """Lists the stills in folders."""
        return with_test(find_stills(self.data_dir, on_empty=self.config.on_problem))


class KnownStills(ClipBuilder):
    """
    A published set of stills; a subclass says what its labels mean, and has a `listed` of its own where they are not
    in folders.

    Contempt is left out unless `labels` names it: it is none of the seven expressions.
    """

    MEANINGS: Mapping[str, str | None] = {}
    COUNTS: Mapping[str, int] = {}  # of all stills that were published, by split; those of validation are tested ones

    def listed(self) -> SourcePlan:
        """All stills; here those in folders by split and label."""
        return find_stills(self.data_dir, self.MEANINGS)

    def plan(self) -> SourcePlan:
        """Lists the stills of the classes that are used."""
        found = self.listed()
        if self.config.on_problem == "stop":
            self._check_complete(found)
        plan = with_test(_without_contempt(found, self.config.labels or EXPRESSIONS))
        counts = Counter(clip.label for clip in plan.clips)
        by_class = ", ".join(f"{counts[name]:,} {name}" for name in plan.label_names)
        return replace(plan, notes=[*plan.notes, f"Listed by class: {by_class}."])

    def _check_complete(self, plan: SourcePlan) -> None:
        """Raises a ValueError where a class is missing in a split, or stills of a split."""
        there = Counter((clip.split, clip.label) for clip in plan.clips)
        splits = [split for split in SPLITS if any(split == of for of, _ in there)]
        for split in splits:
            if missing := [name for name in EXPRESSIONS if not there[split, name]]:
                raise ValueError(
                    f"{self.data_dir}: the {split} stills have none of {', '.join(missing)}. Was an archive unpacked "
                    "to its end? `on_problem` skip goes on without them."
                )
        numbers = Counter(clip.split for clip in plan.clips)
        for split, published in self.COUNTS.items():
            others = sum(numbers[other] for other in splits if other != "train")
            if (found := numbers["train"] if split == "train" else others) < published:
                raise ValueError(
                    f"{self.data_dir}: {found:,} of the {published:,} {split} stills are there. Unpack the archives "
                    "again, to their ends; `on_problem` skip goes on with those that are there."
                )


def _without_contempt(plan: SourcePlan, labels: list[str] | tuple[str, ...]) -> SourcePlan:
    number = sum(clip.label == CONTEMPT for clip in plan.clips)
    if CONTEMPT in labels or not number:
        return plan
    note = f"Left out: {number:,} stills of contempt, none of the seven expressions; name it in `labels` to use it."
    clips = [clip for clip in plan.clips if clip.label != CONTEMPT]
    names = [name for name in plan.label_names if name != CONTEMPT]
    return replace(plan, clips=clips, label_names=names, notes=[*plan.notes, note])


def load(options: CheckOptions, fold: int | None, cache_dir: str | None) -> Source:
    """The stills in the folder; there are no folds. Raises the errors of `ClipBuilder`."""
    builder = Stills(cache_dir=cache_dir, **Stills.arguments_from(options))
    return builder.gather(DataFacts("stills", builder.data_dir.resolve().name))


SOURCE = ClipSource(name="stills", title="own stills in folders", options=CheckOptions, load=load)
