"""Makes the package importable from its wheel, which this repository carries, where it is not installed."""

import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

FOLDER = tempfile.TemporaryDirectory(prefix="logoformer_hf-")  # is deleted when the process ends


def use_carried_package() -> None:
    """
    Unpacks the wheel beside this file and puts it behind what is installed. A `requirements.txt` cannot name it: a
    Space installs that file before its others are there, and a private repository has no address to download from.
    """
    if find_spec("logoformer_hf") is None:
        [wheel] = Path(__file__).parent.glob("logoformer_hf-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(FOLDER.name)
        sys.path.append(FOLDER.name)
