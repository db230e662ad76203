"""How much is drawn and trained: the same for every variant."""

from dataclasses import dataclass

from .variants import Variant


@dataclass(frozen=True)
class Budget:
    """
    Attributes:
        name: of the results.
        num_train_clips: drawn clips to train on, with the class frequencies of DFEW.
        num_test_clips: drawn clips to test on, as many of each class.
        num_encoder_clips: drawn clips of other people that the frame encoder of "parts" learns action units from.
        views: how often the frames of a training clip are drawn anew (place in the segment, crop, flip); epochs take
            them in turn.
        encoder_epochs: of the frame encoder.
        part_epochs: of a variant of "parts" that sees all clips.
        model_epochs: of a variant of "models".
        seeds: trainings of each variant.
    """

    name: str
    num_train_clips: int
    num_test_clips: int
    num_encoder_clips: int
    views: int
    encoder_epochs: int
    part_epochs: int
    model_epochs: int
    seeds: int

    def epochs(self, variant: Variant) -> int:
        """So many that every variant of a group sees as many clips, however few of them are different ones."""
        epochs = self.part_epochs if variant.reads_tokens else self.model_epochs
        return round(epochs / variant.clips_share)


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("full", 4200, 2100, 2800, views=2, encoder_epochs=18, part_epochs=9, model_epochs=12, seeds=3),
        Budget("quick", 280, 140, 140, views=2, encoder_epochs=2, part_epochs=2, model_epochs=2, seeds=2),
    )
}
