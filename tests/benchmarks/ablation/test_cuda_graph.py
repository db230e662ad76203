import pytest
import torch

from logoformer_hf.benchmarks.ablation.cuda_graph import replay_training
from logoformer_hf.benchmarks.ablation.variant import GRID, Variant

SIZE = (2, *GRID, 64)


def build_model() -> torch.nn.Module:
    torch.manual_seed(0)
    return Variant("still", "still", config={"drop_path_rate": 0.0}).build_model()


@pytest.fixture
def graphed(monkeypatch) -> list[torch.Size]:
    """Shapes of the batches that a graph was asked for, where this machine's own functions stand for graphs."""
    shapes = []

    def make(module, examples, allow_unused_input):
        assert module.training and allow_unused_input
        original = module.forward

        def replay(tokens):
            shapes.append(tokens.shape)
            return original(tokens)

        module.forward = replay
        return module

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", make)
    return shapes


def test_training_replays_and_nothing_else_does(graphed):
    model, plain = build_model(), build_model()
    replay_training(model, torch.zeros(SIZE))
    tokens = torch.randn(SIZE)
    model.train(), plain.train()
    for one in (model, plain):
        one(inputs_embeds=tokens).logits.square().sum().backward()
    gradients = [{name: each.grad for name, each in one.named_parameters()} for one in (model, plain)]
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert (gradient is None) == (gradients[1][name] is None), name
        assert gradient is None or torch.equal(gradient, gradients[1][name]), name
    assert graphed == [torch.Size(SIZE)]
    model(inputs_embeds=tokens[:1])  # a last batch
    model.eval()
    assert torch.equal(model(inputs_embeds=tokens).logits, plain.eval()(inputs_embeds=tokens).logits)
    assert len(graphed) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of CUDA")
def test_replayed_gradients_are_those_of_the_model():
    model, plain = build_model().cuda().train(), build_model().cuda().train()
    replay_training(model, torch.zeros(SIZE, device="cuda"))
    for _ in range(2):
        tokens = torch.randn(SIZE, device="cuda")
        for one in (model, plain):
            one.zero_grad()
            one(inputs_embeds=tokens).logits.square().sum().backward()
        for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
            if theirs.grad is not None:
                torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-5)
