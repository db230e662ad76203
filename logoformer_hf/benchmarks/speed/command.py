"""The command `benchmark`: from its arguments to a table, a file and pictures."""

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers

from ..._files import check_writable, write_json, write_text
from ..pages import write_section
from .arguments import PART_NAMES, BenchmarkArguments
from .page import text_of
from .parts import Setup, run_parts
from .pictures import draw

SECTION = "results"


def benchmark(args: BenchmarkArguments) -> str:
    """
    Measures, and writes table, speed.json and pictures.

    Returns:
        The tables.

    Raises:
        ValueError: a device that is not there, no code of Former-DFER, a page without a section for the results.
        OSError: the folder or the page cannot be written.
    """
    folder = Path(args.output_dir)
    check_writable(folder)
    if args.page is not None:
        Path(args.page).read_text(encoding="utf-8")  # before minutes of measuring
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    setup = setup_of(args)
    setup.models()  # refuses a wrong checkout before the first measurement
    names = list(PART_NAMES) if args.only is None else ["costs", *args.only]
    if "ways" in names and setup.with_compile:
        check_compiler(setup.device)
    load = [load_average()]
    parts = run_parts(names, setup)
    load.append(load_average())
    results = {
        "machine": {**machine(setup.device), "load": None if None in load else load},
        "dtype": args.dtype,
        "rounds": setup.rounds,
        "is_quick": args.quick,
        "parts": parts,
    }
    write_json(folder / "speed.json", results)
    text = text_of(results, draw(parts, folder))
    write_text(folder / "speed.md", f"{text}\n")
    if args.page is not None:
        page = Path(args.page)
        write_section(page, SECTION, text_of(results, draw(parts, page.parent)))
        write_json(page.with_suffix(".json"), results)
    return text_of(results)


def setup_of(args: BenchmarkArguments) -> Setup:
    """How it is measured. Raises a `ValueError` for a device that is not there."""
    name = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"--device {name}: {str(error).splitlines()[0]}") from error
    common: dict[str, Any] = {
        "device": device,
        "bf16": args.dtype == "bf16",
        "former_dfer": args.former_dfer,
        "train_batch_size": args.train_batch_size or (16 if device.type == "cuda" else 2),
        "with_compile": not (args.no_compile or args.quick),
    }
    if args.quick:
        grids = ((4, 4, 4), (4, 8, 8))
        return Setup(
            **common, rounds=args.rounds or 2, batch_sizes=(1, 2), stage_batch_size=2, grids=grids, is_quick=True
        )
    if device.type == "cuda":
        return Setup(
            **common,
            rounds=args.rounds or 7,
            batch_sizes=(1, 8, 32, 64, 128, 256),
            stage_batch_size=64,
        )
    return Setup(**common, rounds=args.rounds or 7)


def check_compiler(device: torch.device) -> None:
    """Raises a `ValueError` where `torch.compile` has no compiler for a CPU."""
    compilers = filter(None, (os.environ.get("CXX"), "g++", "clang++", "c++", "cl"))
    if device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise ValueError("torch.compile needs a C++ compiler, and none is installed: give --no_compile.")


def machine(device: torch.device) -> dict[str, Any]:
    """What the results depend on besides the code."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
    return {
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "bf16_in_hardware": device.type == "cuda" or has_bf16(),
    }


def processor_name() -> str:
    """The name of the processor, with what it has for bfloat16."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name} ({'with' if has_bf16() else 'without'} matrix products in bfloat16)"


def has_bf16() -> bool:
    """Whether the processor multiplies matrices in bfloat16 itself."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return any(flag in flags for flag in ("amx_bf16", "avx512_bf16", "bf16"))


def load_average() -> float | None:
    """Programs that were running in the last minute, on average; None where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
