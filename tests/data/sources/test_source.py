"""What the options of several sources have in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from errors import raises_naming

from logoformer_hf.data.sources.source import ClipOptions, FolderOptions, FoldOptions


@dataclass
class ThreeFolds(FoldOptions, FolderOptions):
    def fold_numbers(self) -> Sequence[int]:
        return (1, 2, 3)


@pytest.mark.parametrize("options", [FolderOptions, ClipOptions, ThreeFolds])
def test_a_folder_is_needed(options):
    with raises_naming(ValueError, "data_dir"):
        options()
    assert options(data_dir="x").data_dir == "x"


@pytest.mark.parametrize(("fold", "folds"), [(None, [None]), ("2", [2]), ("all", [1, 2, 3]), ("ALL", [1, 2, 3])])
def test_folds(fold, folds):
    assert list(ThreeFolds(data_dir="x", fold=fold).folds) == folds


@pytest.mark.parametrize("fold", ["0", "4", "one", "1,2"])
def test_a_fold_that_is_none_is_named(fold):
    with raises_naming(ValueError, "fold", repr(fold), "1, 2, 3", "all"):
        ThreeFolds(data_dir="x", fold=fold)
