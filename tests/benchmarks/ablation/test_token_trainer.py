import pytest
import torch

from logoformer_hf.benchmarks.ablation.clips import clip_processor
from logoformer_hf.benchmarks.ablation.token_trainer import TokenTrainer
from logoformer_hf.benchmarks.ablation.trials import ERASING, UNIT_CENTER, UNIT_CENTER_WEIGHT
from logoformer_hf.benchmarks.ablation.variant import REFERENCE
from logoformer_hf.training.arguments import LogoFormerTrainingArguments
from logoformer_hf.training.losses import center_compact_loss

LABELS = torch.tensor([0, 0, 1, 1])


@pytest.fixture
def make(tmp_path):
    def make_trainer(*trials):
        arguments = LogoFormerTrainingArguments(
            str(tmp_path),
            compact_loss="center",
            use_cpu=True,
            eval_strategy="no",
            save_strategy="no",
            load_best_model_at_end=False,
        )
        return TokenTrainer(
            model=REFERENCE.build_model(), args=arguments, processing_class=clip_processor(), trials=trials
        )

    return make_trainer


def test_tokens_are_erased_in_training_alone(make):
    inputs = {"frames": torch.ones(64, 2, 7, 7, 64, dtype=torch.float16), "labels": torch.zeros(64, dtype=torch.int64)}
    for trials, training, erases in (((), True, False), ((ERASING,), False, False), ((ERASING,), True, True)):
        trainer = make(*trials)
        trainer.model.train(training)
        tokens = trainer._prepare_inputs(inputs)["inputs_embeds"]
        assert tokens.dtype == torch.float32 and bool((tokens == 0).any()) is erases


def test_the_compact_loss_is_that_of_unit_length_warmed_up(make):
    plain, tried = make(), make(UNIT_CENTER)
    outputs = {"logits": torch.randn(4, 7), "embedding": torch.randn(4, 32) * torch.tensor([[1.0], [2], [3], [9]])}
    found = tried.clip_losses(outputs, LABELS)["compact_loss"] / 4
    unit = outputs["embedding"] / outputs["embedding"].norm(dim=1, keepdim=True)
    assert torch.allclose(found, center_compact_loss(unit, LABELS))
    assert not torch.allclose(found, plain.clip_losses(outputs, LABELS)["compact_loss"] / 4)
    tried.state.max_steps = plain.state.max_steps = 300
    tried.state.global_step = plain.state.global_step = 50
    assert tried.loss_weights["compact_loss"] == pytest.approx(UNIT_CENTER_WEIGHT / 2)
    assert plain.loss_weights["compact_loss"] == plain.args.compact_loss_weight
