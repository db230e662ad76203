"""The section of `docs/reliability.md` that the command writes."""

from collections import Counter
from collections.abc import Sequence

from ...evaluation.tables import markdown_table
from .cases import FAULTS, VERDICTS, Kind, Tally
from .results import Results


def describe(results: Results, kinds: Sequence[Kind]) -> str:
    """All tables as Markdown."""
    groups = {kind.name: results.groups(kind.name) for kind in kinds}
    tried = [kind for kind in kinds if groups[kind.name]]
    total: Counter[str] = sum((each.counts for kind in tried for each in groups[kind.name].values()), Counter())
    faults = sum(total[verdict] for verdict in FAULTS)
    ends = "\n".join(f"- {verdict}: {meaning};" for verdict, meaning in VERDICTS.items())
    parts = [
        f"{total.total():,} attempts on {results.machine}: {faults:,} crashes, hangs, excesses of memory and silent "
        "losses.",
        f"How an attempt can end:\n\n{ends.rstrip(';')}.",
    ]
    for kind in tried:
        parts += [f"## {kind.title}", kind.explanation, table(groups[kind.name])]
        notes = [note for tally in groups[kind.name].values() for note in tally.notes]
        parts += ["\n".join(f"- {note}" for note in notes)] if notes else []
    return "\n\n".join(parts)


def table(groups: dict[str, Tally]) -> str:
    """One row per group: how many attempts ended how."""
    header = ["what", "attempts", *VERDICTS]
    rows = [
        [name, f"{tally.counts.total():,}", *(f"{tally.counts[verdict]:,}" for verdict in VERDICTS)]
        for name, tally in groups.items()
    ]
    return markdown_table(header, rows)
