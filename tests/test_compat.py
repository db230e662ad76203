"""The private attributes of the libraries are still what this package takes them for."""

import argparse

import datasets
import pytest
from torch import nn
from toys import toy_model

from logoformer_hf._compat import BatchNorm, initialise_weights, open_beside_cache, parser_actions


def test_every_batch_norm_is_one():
    for module in (nn.BatchNorm1d(2), nn.BatchNorm2d(2), nn.BatchNorm3d(2), nn.SyncBatchNorm(2)):
        assert isinstance(module, BatchNorm)
    assert not isinstance(nn.LayerNorm(2), BatchNorm)


def test_weights_are_drawn_as_the_model_draws_its_own():
    model = toy_model(initializer_range=0.5)
    layer = nn.Linear(100, 100)
    initialise_weights(model, layer)
    assert layer.weight.std().item() == pytest.approx(0.5, rel=0.1)
    assert not layer.bias.any()


def test_arguments_of_a_parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--dry_run", "--dry-run", action="store_true")
    assert [action.dest for action in parser_actions(parser)] == ["help", "file", "dry_run"]
    parser_actions(parser).clear()
    assert len(parser_actions(parser)) == 3  # a list of its own


class Counting(datasets.GeneratorBasedBuilder):
    """Rows, and a file beside them."""

    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features({"number": datasets.Value("int32")}))

    def _split_generators(self, download_manager):
        return [datasets.SplitGenerator("train")]

    def _generate_examples(self):
        with open_beside_cache(self, "notes.txt", "w") as file:
            file.write("é")
        yield from ((number, {"number": number}) for number in range(3))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_file_beside_the_rows_of_a_builder(tmp_path, elsewhere):
    """It is written while the folder has another name, and read from where the rows are."""
    builder = Counting(cache_dir=str(tmp_path / "cache"))
    folder = tmp_path / "rows" if elsewhere else None
    builder.download_and_prepare(**({"output_dir": str(folder)} if folder else {}))
    with open_beside_cache(builder, "notes.txt", "r") as file:
        assert file.read() == "é"
    if folder:
        assert (folder / "notes.txt").exists()
