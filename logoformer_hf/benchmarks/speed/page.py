"""The results as Markdown: for the terminal and for docs/speed.md."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .measuring import PEAK
from .models import REFERENCE, VIDEOMAE
from .results import best_batch, by_tokens, exponent, median_ms, ratio, share, share_of_peak

Rows = Iterable[Sequence[str]]


def text_of(results: Mapping[str, Any], pictures: Sequence[str] = ()) -> str:
    """
    All tables.

    Args:
        results: of `command.benchmark`.
        pictures: names of picture files beside the page.
    """
    parts = results["parts"]
    blocks = [machine_text(results)]
    if "costs" in parts:
        blocks.append(models_table(parts))
    for name, write in WRITERS.items():
        if name in parts:
            blocks.append(write(parts))
    blocks += [f"![{name}]({name})" for name in pictures]
    return "\n\n".join(blocks)


def machine_text(results: Mapping[str, Any]) -> str:
    """Where and how it was measured."""
    machine = results["machine"]
    load = machine["load"]
    busy = "" if load is None else f" Load of the machine: {load[0]:.1f} before, {load[1]:.1f} after."
    return (
        f"{machine['device']}, {machine['threads']} threads, {results['dtype']}, torch {machine['torch']}, "
        f"transformers {machine['transformers']}, {results['rounds']} interleaved rounds. A ratio is the median of "
        f"the ratios of the rounds.{busy}"
    )


def models_table(parts: Mapping[str, Any]) -> str:
    """One row a model: costs, latency, throughput, training, memory, as far as they were measured."""
    columns: list[tuple[str, Callable[[str], str]]] = [
        ("parameters, M", lambda name: f"{parts['costs'][name]['num_parameters'] / 1e6:.1f}"),
        ("multiply-adds, G", lambda name: f"{parts['costs'][name]['macs'] / 1e9:.2f}"),
    ]
    if part := parts.get("latency"):
        columns += [
            ("time / base's", lambda name: f"{ratio(part['sec'], name, REFERENCE):.2f}"),
            ("one clip, ms", lambda name: f"{median_ms(part['sec'], name):.1f}"),
            ("matmul share", lambda name: percent(share_of_peak(part, name, parts["costs"][name]["macs"]))),
        ]
    if clips := parts.get("throughput"):
        columns.append(("clips/s (batch)", lambda name: "{1:.1f} ({0})".format(*best_batch(clips[name]))))
    if steps := parts.get("training"):
        columns += [
            ("step / base's", lambda name: f"{ratio(steps['sec'], name, REFERENCE):.2f}"),
            ("training, clips/s", lambda name: f"{1e3 * steps['batch_size'] / median_ms(steps['sec'], name):.2f}"),
        ]
    if peak := parts.get("memory"):
        columns.append(("memory, MB: forward / training", lambda name: memory_cell(peak.get(name))))
    rows = [[parts["costs"][name]["title"], *(cell(name) for _, cell in columns)] for name in parts["costs"]]
    return table(["model", *(title for title, _ in columns)], rows)


def memory_cell(megabytes: Mapping[str, float] | None) -> str:
    """Peak memory of a forward pass and of a training step."""
    return "-" if megabytes is None else f"{megabytes['forward']:,.0f} / {megabytes['training']:,.0f}"


def checkpointing_text(parts: Mapping[str, Any]) -> str:
    """What gradient checkpointing saves and costs."""
    peak = parts["memory"]["checkpointing"]
    saved = peak["recomputed"]["activations"] / peak["kept"]["activations"]
    text = f"Gradient checkpointing, base, batch {peak['batch_size']}: {saved:.2f} of the memory of activations"
    if steps := parts.get("training"):
        slower = ratio(steps["sec"], f"{REFERENCE}, checkpointing", REFERENCE)
        text += f"; a step of batch {steps['batch_size']} takes {slower:.2f} times as long"
    return f"{text}."


def stages_text(parts: Mapping[str, Any]) -> str:
    """One table a model: share of the time, milliseconds, and share of the machine's rate of every stage."""
    blocks = []
    for name, found in parts["stages"].items():
        total = sum(statistics.median(sec) for sec in found["stages_sec"].values())
        rows = []
        for stage, sec in found["stages_sec"].items():
            macs = found["macs"][stage]
            median = statistics.median(sec)
            # Timers of a stage may run several times a round, so their median stands for every round.
            reached = percent(share([median] * len(found[PEAK]), found[PEAK], macs)) if macs else "-"
            rows.append([stage, percent(median / total), f"{1e3 * median:.1f}", f"{macs / 1e9:.2f}", reached])
        whole = share_of_peak(found, "whole", sum(found["macs"].values()))
        rows.append(
            ["all, without timers", "", f"{median_ms(found['sec'], 'whole'):.1f}", "", f"**{percent(whole)}**"]
        )
        title = f"Stages of {name}, batch {found['batch_size']}, forward:"
        blocks += [title, table(["stage", "of the time", "ms", "multiply-adds, G", "matmul share"], rows)]
    return "\n\n".join(blocks)


def tokens_text(parts: Mapping[str, Any]) -> str:
    """The transformer beside joint attention on the same tokens, with the exponents of growth."""
    part = parts["tokens"]
    ours, joint = by_tokens(part, "local-global"), by_tokens(part, "joint")
    rows = []
    for number in ours:
        names = f"joint, {number}", f"local-global, {number}"
        allowed = part["macs"][names[0]] / part["macs"][names[1]]
        reached = ratio(part["sec"], *names)
        rows.append([f"{number:,}", f"{reached:.2f}", f"{allowed:.2f}", f"{ours[number]:.1f}", f"{joint[number]:.1f}"])
    titles = ["tokens", "joint / local-global", "by multiply-adds", "local-global, ms", "joint, ms"]
    grown = [exponent(list(each), list(each.values())) for each in (ours, joint)]
    return (
        f"The transformer alone, one clip, beside one attention over all of its tokens:\n\n{table(titles, rows)}\n\n"
        f"Time grows as tokens to the power of {grown[0]:.2f} (local-global) and {grown[1]:.2f} (joint)."
    )


def ways_text(parts: Mapping[str, Any]) -> str:
    """Every way to compute a model, beside its own eager float32 and VideoMAE."""
    sec = parts["ways"]["sec"]
    rows = []
    for name in sec:
        model, _, way = name.partition(", ")
        eager = f"{model}, eager"
        faster = f"{ratio(sec, eager, name):.2f}" if way else "-"
        rows.append([name, faster, f"{ratio(sec, VIDEOMAE, name):.2f}", *peer_cells(sec, name)])
    titles = ["model, way", "faster than eager float32", "than VideoMAE-B at 224²", *peer_titles(sec), "ms"]
    return f"One clip, ways to compute it:\n\n{table(titles, rows)}"


def peer_titles(sec: Mapping[str, Any]) -> list[str]:
    """A column for Former-DFER's own code, where it was measured."""
    return ["than Former-DFER's own code"] if "former_dfer" in sec else []


def peer_cells(sec: Mapping[str, Any], name: str) -> list[str]:
    """The cells of `peer_titles`, and the milliseconds."""
    peer = [f"{ratio(sec, 'former_dfer', name):.2f}"] if "former_dfer" in sec else []
    return [*peer, f"{median_ms(sec, name):.1f}"]


def percent(value: float) -> str:
    """A share from 0 to 1 as percent."""
    return f"{100 * value:.0f} %"


def table(titles: Sequence[str], rows: Rows) -> str:
    """A Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


WRITERS = {"memory": checkpointing_text, "stages": stages_text, "tokens": tokens_text, "ways": ways_text}
