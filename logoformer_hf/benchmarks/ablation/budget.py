"""Numbers of clips, epochs and seeds, the same for every variant."""

from dataclasses import dataclass

from .variant import Variant


@dataclass(frozen=True)
class Budget:
    """
    Numbers of clips, epochs and seeds.

    Attributes:
        name: name of the budget.
        num_train_clips: synthetic clips to train on, with the class frequencies of DFEW.
        num_test_clips: synthetic clips to test on, equally many of each class.
        num_encoder_clips: synthetic clips of other people to train the frame encoder of "parts" on.
        views: versions of each training clip with other random frames, crops and flips; epochs use them in turn.
        encoder_epochs: epochs of the frame encoder.
        part_epochs: epochs of a variant of "parts" that is trained on all clips.
        model_epochs: epochs of a variant of "models".
        seeds: number of trainings of each variant.
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
        """Epochs of a variant, divided by its share of the clips, so that all of a group train on as many."""
        epochs = self.part_epochs if variant.reads_tokens else self.model_epochs
        return round(epochs / variant.clips_share)


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("full", 4200, 2100, 2800, views=2, encoder_epochs=18, part_epochs=9, model_epochs=12, seeds=3),
        Budget("quick", 280, 140, 140, views=2, encoder_epochs=2, part_epochs=2, model_epochs=2, seeds=2),
    )
}
