"""Weights of saved models that are damaged or another model's: one error with their file, whoever loads them."""

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from errors import raises_naming
from safetensors.torch import load, save_file
from toys import new_model, toy_config
from transformers import AutoModel, AutoModelForVideoClassification
from without_package import run_without_package

from logoformer_hf import LogoFormerForVideoClassification, LogoFormerModel

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
NORM = "logoformer.layernorm.weight"
RUNNING_MEAN = "logoformer__backbone__embedder__embedder__normalization__running_mean"
LFS_POINTER = b"version https://git-lfs.github.com"
LOADERS = (LogoFormerModel, LogoFormerForVideoClassification, AutoModel, AutoModelForVideoClassification)


class Harmful:
    """What runs code where it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("code of a pickle ran",)


@pytest.fixture
def folder(tmp_path, tiny_folder) -> Path:
    return Path(shutil.copytree(tiny_folder, tmp_path / "model"))


def change_tensors(folder: Path, **tensors: torch.Tensor | None) -> None:
    """Replaces tensors of the weights, or leaves them out for None; dots in their names are written as `__`."""
    changed = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    kept = load((folder / WEIGHTS).read_bytes()) | changed
    save_file({name: value for name, value in kept.items() if value is not None}, folder / WEIGHTS, {"format": "pt"})


def write_index(folder: Path, index: str, place: str = "elsewhere.safetensors") -> None:
    (folder / WEIGHTS).rename(folder.parent / place)
    (folder / INDEX).write_text(index)


DAMAGE = {
    "nothing": (lambda folder: (folder / WEIGHTS).write_bytes(b""), WEIGHTS),
    "cut off": (lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:5000]), WEIGHTS),
    "a pickle of tensors": (lambda folder: torch.save({NORM: torch.zeros(3)}, folder / WEIGHTS), WEIGHTS),
    "a pickle of code": (lambda folder: (folder / WEIGHTS).write_bytes(pickle.dumps(Harmful())), WEIGHTS),
    "a header without end": (lambda folder: (folder / WEIGHTS).write_bytes(b"\xff" * 100), WEIGHTS),
    "another shape": (lambda folder: change_tensors(folder, logoformer__layernorm__weight=torch.zeros(3)), WEIGHTS),
    "a missing tensor": (lambda folder: change_tensors(folder, logoformer__layernorm__weight=None), WEIGHTS),
    "a missing shard": (
        lambda folder: write_index(folder, json.dumps({"weight_map": {NORM: "a.safetensors"}})),
        INDEX,
    ),
    "a shard elsewhere": (
        lambda folder: write_index(folder, json.dumps({"metadata": {}, "weight_map": {NORM: "../b"}}), "b"),
        INDEX,
    ),
    "no index": (lambda folder: write_index(folder, "{"), INDEX),
    "another index": (lambda folder: write_index(folder, "[]"), INDEX),
    "an index without its fields": (
        lambda folder: write_index(folder, json.dumps({"weight_map": {NORM: WEIGHTS}}), WEIGHTS),
        INDEX,
    ),
    "a shard of a long name": (
        lambda folder: write_index(folder, json.dumps({"metadata": {}, "weight_map": {NORM: "a" * 5000}})),
        INDEX,
    ),
    "no running mean": (lambda folder: change_tensors(folder, **{RUNNING_MEAN: None}), WEIGHTS),
    "a pointer": (lambda folder: (folder / WEIGHTS).write_bytes(LFS_POINTER + b"/spec/v1\noid sha256:0\n"), WEIGHTS),
    "an index without files": (lambda folder: write_index(folder, '{"metadata": {}, "weight_map": {}}'), INDEX),
}


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_named(folder, damage, loader):
    spoil, name = DAMAGE[damage]
    spoil(folder)
    with raises_naming(ValueError, folder / name):
        loader.from_pretrained(folder)


def test_what_does_not_fit_is_named_with_both_shapes(folder):
    change_tensors(folder, logoformer__layernorm__weight=torch.zeros(3))
    with raises_naming(ValueError, folder / WEIGHTS, NORM, "(3,)", "(64,)", "ignore_mismatched_sizes"):
        LogoFormerForVideoClassification.from_pretrained(folder)
    model = LogoFormerForVideoClassification.from_pretrained(folder, ignore_mismatched_sizes=True)
    assert model.logoformer.layernorm.weight.shape == (64,)


def test_whoever_asks_what_is_missing_is_told(folder):
    change_tensors(folder, logoformer__layernorm__weight=None)
    with raises_naming(ValueError, folder / WEIGHTS, NORM, "output_loading_info"):
        LogoFormerForVideoClassification.from_pretrained(folder)
    _, found = LogoFormerForVideoClassification.from_pretrained(folder, output_loading_info=True)
    assert set(found["missing_keys"]) == {NORM}


def test_the_classifier_may_be_missing(folder):
    change_tensors(folder, classifier__weight=None, classifier__bias=None)
    assert LogoFormerForVideoClassification.from_pretrained(folder).classifier.weight.isfinite().all()
    assert LogoFormerModel.from_pretrained(folder)


def test_a_pickle_with_code_under_its_own_name_is_not_run(folder):
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Harmful()))
    with raises_naming(ValueError, folder / "pytorch_model.bin", WEIGHTS):
        LogoFormerForVideoClassification.from_pretrained(folder)


def pickled(folder: Path, *, cut: bool = False, name: str = PICKLED, content: object = None) -> None:
    """The weights as torch saves them, or something else."""
    tensors = load((folder / WEIGHTS).read_bytes())
    (folder / WEIGHTS).unlink()
    torch.save(tensors if content is None else content, folder / name)
    if cut:
        (folder / name).write_bytes((folder / name).read_bytes()[:5000])


def pickled_index(folder: Path, index: str) -> None:
    pickled(folder, name="elsewhere.bin")
    (folder / "elsewhere.bin").rename(folder.parent / "elsewhere.bin")
    (folder / PICKLED_INDEX).write_text(index)


DAMAGED_PICKLES = {
    "cut off": lambda folder: pickled(folder, cut=True),
    "a list": lambda folder: pickled(folder, content=[torch.zeros(3)]),
    "texts": lambda folder: pickled(folder, content={NORM: "none"}),
    "numbers as names": lambda folder: pickled(folder, content={3: torch.zeros(3)}),
    "a number": lambda folder: pickled(folder, content=3),
}
DAMAGED_INDEXES = {
    "no index": "{",
    "another index": "[]",
    "no file": '{"metadata": {}}',
    "no fields": f'{{"weight_map": {{"{NORM}": "{PICKLED}"}}}}',
    "elsewhere": f'{{"metadata": {{}}, "weight_map": {{"{NORM}": "../elsewhere.bin"}}}}',
}


@pytest.mark.parametrize("damage", DAMAGED_PICKLES)
def test_damaged_pickles_are_named(folder, damage):
    DAMAGED_PICKLES[damage](folder)
    with raises_naming(ValueError, folder / PICKLED):
        LogoFormerForVideoClassification.from_pretrained(folder)


@pytest.mark.parametrize("damage", DAMAGED_INDEXES)
def test_damaged_indexes_of_pickles_are_named(folder, damage):
    pickled_index(folder, DAMAGED_INDEXES[damage])
    with raises_naming(ValueError, folder / PICKLED_INDEX):
        LogoFormerForVideoClassification.from_pretrained(folder)


def test_what_torch_saves_loads(folder):
    pickled(folder)
    assert LogoFormerForVideoClassification.from_pretrained(folder)


@pytest.mark.parametrize("damage", ["cut off", "another shape", "a missing tensor", "no index"])
def test_damaged_variants_are_named(folder, damage):
    spoil, name = DAMAGE[damage]
    spoil(folder)
    stem, _, ending = name.rpartition(".")
    variant = (folder / name).rename(folder / f"{stem}.fp16.{ending}")
    with raises_naming(ValueError, variant):
        LogoFormerForVideoClassification.from_pretrained(folder, variant="fp16")


def test_variants_in_several_files_load(folder):
    model = LogoFormerForVideoClassification.from_pretrained(folder)
    shutil.rmtree(folder)
    model.save_pretrained(folder, variant="fp16", max_shard_size="50KB")
    assert not (folder / WEIGHTS).exists() and len(list(folder.glob("*.safetensors"))) > 1
    assert LogoFormerForVideoClassification.from_pretrained(folder, variant="fp16")


def test_an_index_beside_whole_weights_is_not_looked_at(folder):
    (folder / INDEX).write_text("{")
    assert LogoFormerForVideoClassification.from_pretrained(folder)


def test_missing_weights_are_the_librarys_own_error(folder):
    (folder / WEIGHTS).unlink()
    with raises_naming(OSError, folder, WEIGHTS):
        LogoFormerForVideoClassification.from_pretrained(folder)


def test_weights_in_a_subfolder(folder):
    shutil.copytree(folder, folder / "best")
    (folder / WEIGHTS).unlink()
    assert LogoFormerForVideoClassification.from_pretrained(folder, subfolder="best")
    (folder / "best" / WEIGHTS).write_bytes(b"")
    with raises_naming(ValueError, folder / "best" / WEIGHTS):
        LogoFormerForVideoClassification.from_pretrained(folder, subfolder="best")


def test_errors_that_are_not_of_weights_stay(folder):
    with pytest.raises(TypeError, match="no_such_option"):
        LogoFormerForVideoClassification.from_pretrained(folder, no_such_option=1)


BY_REMOTE_CODE = """
import json, sys
from transformers import AutoModel, AutoModelForVideoClassification

said = []
for folder in json.loads(sys.argv[1]):
    for loader in (AutoModel, AutoModelForVideoClassification):
        try:
            loader.from_pretrained(folder, trust_remote_code=True)
            said.append(["nothing", ""])
        except Exception as error:
            said.append([type(error).__name__, str(error)])
print(json.dumps(said))
"""


def test_by_remote_code_alone_the_errors_are_the_same(tmp_path):
    good, places = tmp_path / "good", {}
    new_model(toy_config(num_frames=16, image_size=32, num_hidden_layers=1)).save_pretrained(good)
    for number, damage in enumerate(("cut off", "a pickle of code", "a missing tensor", "a missing shard")):
        spoil, name = DAMAGE[damage]
        folder = Path(shutil.copytree(good, tmp_path / str(number) / "model"))
        spoil(folder)
        places[str(folder)] = folder / name
    printed = run_without_package(BY_REMOTE_CODE, json.dumps(list(places)), cwd=tmp_path, HF_HUB_OFFLINE="1")
    said = iter(json.loads(printed.splitlines()[-1]))
    for named in places.values():
        for _ in range(2):
            kind, message = next(said)
            assert kind == "ValueError" and str(named) in message, (kind, message)
