import numpy as np
import pytest
import torch
from transformers import AutoBackbone

from logoformer_hf.benchmarks.ablation.encoder import encode, store_tokens, train_encoder
from logoformer_hf.benchmarks.ablation.variant import REFERENCE, reference_config


def planted(num_clips: int, num_frames: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Frames of noise in which two places are as bright as two units are strong."""
    rng = np.random.default_rng(0)
    units = rng.random((num_clips, num_frames, 2))
    frames = rng.integers(0, 100, (num_clips, num_frames, 3, 56, 56))
    frames[..., 8:24, 8:24] += (150 * units[..., 0]).astype(int)[..., None, None, None]
    frames[..., 32:48, 24:48] += (150 * units[..., 1]).astype(int)[..., None, None, None]
    return frames.astype(np.uint8), units


@pytest.fixture
def encoder() -> torch.nn.Module:
    torch.manual_seed(0)
    encoder = AutoBackbone.from_config(reference_config().backbone_config)
    encode(encoder.train(), planted(2)[0])  # so that its norms have seen something
    return encoder.eval()


def test_encoder_learns_units_that_frames_show():
    frames, units = planted(64)
    encoder, explained = train_encoder(frames, units, epochs=10)
    assert 0.3 < explained < 1
    assert not encoder.training
    REFERENCE.build_model().logoformer.backbone.load_state_dict(encoder.state_dict())  # fits into the models


def test_units_that_frames_do_not_show_are_not_explained():
    """Clips that it is tested on are not those it is trained on."""
    frames, units = planted(20)
    _, explained = train_encoder(frames, np.random.default_rng(1).random(units.shape), epochs=3)
    assert explained < 0.1


def test_the_same_seed_gives_the_same_encoder():
    frames, units = planted(10, num_frames=2)
    (one, share), (same, same_share), (other, _) = (train_encoder(frames, units, 1, seed) for seed in (0, 0, 1))
    assert share == same_share
    weights = [torch.cat([each.flatten() for each in encoder.parameters()]) for encoder in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_a_last_batch_of_one_clip():
    frames, units = planted(18, num_frames=2)  # one is held out, 16 and 1 are trained on
    _, explained = train_encoder(frames, units, epochs=1)
    assert np.isfinite(explained)


def test_features_of_the_models_own_input(encoder):
    """Frames are normalised as `LogoFormerVideoProcessor` does it."""
    frames = planted(2)[0]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pixels = (torch.from_numpy(frames).flatten(0, 1) / 255 - mean) / std
    with torch.inference_mode():
        features = encode(encoder, frames)
        assert features.shape == (8, 64, 7, 7)
        torch.testing.assert_close(features, encoder(pixels).feature_maps[0], rtol=1e-4, atol=1e-4)


def test_stored_tokens_are_what_the_encoder_gives_for_every_frame(encoder, tmp_path):
    frames = planted(2 * 18, num_frames=2)[0].reshape(2, 18, 2, 3, 56, 56)  # more than are encoded at once
    np.save(tmp_path / "train_frames.npy", frames)
    store_tokens(encoder, tmp_path / "train_frames.npy", tmp_path / "train_tokens.npy")
    tokens = np.load(tmp_path / "train_tokens.npy")
    assert tokens.shape == (2, 18, 2, 7, 7, 64) and tokens.dtype == np.float16
    with torch.inference_mode():
        for view, clip, frame in ((0, 0, 0), (0, 17, 1), (1, 15, 0), (1, 16, 1)):
            (features,) = encode(encoder, frames[view, clip, frame][None, None]).numpy()
            np.testing.assert_allclose(tokens[view, clip, frame], features.transpose(1, 2, 0), rtol=2e-3, atol=2e-3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["train_frames.npy", "train_tokens.npy"]


def test_tokens_that_are_there_are_not_computed_again(encoder, tmp_path):
    (tmp_path / "test_tokens.npy").write_text("are there")
    store_tokens(encoder, tmp_path / "test_frames.npy", tmp_path / "test_tokens.npy")
    assert (tmp_path / "test_tokens.npy").read_text() == "are there"


def test_models_take_stored_tokens_for_pixels(encoder):
    """The tokens of the frozen encoder are where the model would put its own."""
    model = REFERENCE.build_model().eval()
    model.logoformer.backbone.load_state_dict(encoder.state_dict())
    frames = planted(1, num_frames=16)[0]
    with torch.inference_mode():
        tokens = encode(encoder, frames).permute(0, 2, 3, 1).unflatten(0, (1, 16))
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        pixels = (torch.from_numpy(frames) / 255 - mean) / std
        torch.testing.assert_close(
            model(inputs_embeds=tokens).logits, model(pixel_values=pixels).logits, rtol=1e-3, atol=1e-4
        )
