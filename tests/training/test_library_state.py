"""A program that is called from Python leaves the libraries as they were."""

import pytest
import transformers
from library_state import change_the_libraries, state_of_the_libraries

from logoformer_hf.training.library_state import library_state_kept


@pytest.mark.parametrize("bars", [True, False])
def test_the_state_of_the_libraries_is_kept(bars):
    transformers.logging.set_verbosity_info()
    (transformers.logging.enable_progress_bar if bars else transformers.logging.disable_progress_bar)()
    before = state_of_the_libraries()
    with library_state_kept():
        change_the_libraries()
        assert state_of_the_libraries() != before
    assert state_of_the_libraries() == before


def test_the_state_of_the_libraries_is_kept_after_an_error():
    before = state_of_the_libraries()
    with pytest.raises(KeyError), library_state_kept():
        change_the_libraries()
        raise KeyError
    assert state_of_the_libraries() == before
