"""
Runs code in a process where this package is not installed: it can import nothing but transformers, torch, torchvision,
av and what they need, and connects to this machine alone.
"""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from processes import TIMEOUT_SEC

INSTALLED = ("transformers", "torch", "torchvision", "av")
# What is installed instead, in the environment; then the package is found in folders that the code adds to its path.
VARIABLE = "TEST_INSTALLED"


def run_without_package(
    code: str, *arguments: str | Path, cwd: Path, requirements: Path | None = None, **environment: str
) -> str:
    """
    Runs code with its arguments in `sys.argv`, in a folder of its own, with caches of its own in that folder.

    Args:
        requirements: a `requirements.txt`: what it names can be imported, and this package from a folder that the code
            adds to its path.

    Returns:
        What it printed. A failure of it fails the test with its last words.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # which has the package
    environment = kept | {"HF_HOME": str(cwd / "hf_home"), "HF_HUB_DISABLE_XET": "1"} | environment
    if requirements is not None:
        environment[VARIABLE] = requirements.read_text()
    finished = subprocess.run(
        [sys.executable, __file__, code, *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SEC,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished.stdout


def with_what_they_need(names: tuple[str, ...]) -> set[str]:
    """The distributions with all that they require, by their normalised names."""
    from packaging.requirements import Requirement  # transformers brings it
    from packaging.utils import canonicalize_name

    found, waiting = set(), [(name, "") for name in names]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        try:
            requirements = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:  # of another platform
            continue
        for needed in requirements:
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), each) for each in ("", *needed.extras)]
    return {name for name, _ in found}


def names_in(requirements: str) -> tuple[str, ...]:
    """The distributions that a `requirements.txt` names, without versions."""
    from packaging.requirements import Requirement

    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    return tuple(Requirement(line).name for line in lines if line)


class HidingFinder:
    """A finder of modules that does not find some of those that are installed."""

    def __init__(self, finder, hidden: set[str]):
        self.finder, self.hidden = finder, hidden

    def __getattr__(self, name: str):
        return getattr(self.finder, name)

    def find_spec(self, name: str, path=None, target=None):
        return None if name.split(".")[0] in self.hidden else self.finder.find_spec(name, path, target)


def refuse_network(event: str, arguments: tuple) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] != "127.0.0.1":
        raise PermissionError(f"the test has no network, and something connects to {arguments[1]}")


def main() -> None:
    from packaging.utils import canonicalize_name

    requirements = os.environ.get(VARIABLE)
    distributions = with_what_they_need(INSTALLED if requirements is None else names_in(requirements))
    hidden = {"logoformer_hf"}  # an editable install lists no modules
    for module, owners in packages_distributions().items():
        if distributions.isdisjoint(map(canonicalize_name, owners)):
            hidden.add(module)
    code, *sys.argv[1:] = sys.argv[1:]
    sys.path[0] = ""  # the working folder instead of this file's
    if requirements is not None:  # an editable install has a finder of its own
        sys.path[:] = [path for path in sys.path if not (Path(path) / "logoformer_hf" / "__init__.py").is_file()]
        sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
        hidden.remove("logoformer_hf")
    sys.meta_path[:] = [HidingFinder(finder, hidden) for finder in sys.meta_path]
    sys.addaudithook(refuse_network)
    exec(compile(code, "code of a test", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    main()
