"""The file of results: one record per case, so that an interrupted command goes on."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ..._files import write_text
from .cases import Case, Tally


class Results:
    """
    Records in a JSON file, which is replaced as a whole after every case.

    Attributes:
        records: `{"kind", "group", "case", "counts", "notes"}` per case that was tried.
        machine: what they were tried on.

    Args:
        file: file that is read, if it exists, and written.
        machine: description of this machine.

    Raises:
        ValueError: the file is no file of results, or one of another machine.
    """

    def __init__(self, file: Path, machine: str):
        self.file, self.machine = file, machine
        self.records: list[dict[str, Any]] = []
        if not file.exists():
            return
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            self.records, known_machine = known["records"], known["machine"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{file} is no file of results ({error}): name another one, or delete it.") from error
        if known_machine != machine:
            raise ValueError(
                f"{file} holds results of another machine ({known_machine}; now {machine}): name another one, or "
                "delete it."
            )

    def has(self, kind: str, case: Case) -> bool:
        """Whether a case was tried."""
        key = (kind, case.group, case.name)
        return any((record["kind"], record["group"], record["case"]) == key for record in self.records)

    def add(self, kind: str, case: Case, tally: Tally) -> None:
        """Adds a case and writes the file."""
        record = {"kind": kind, "group": case.group, "case": case.name, "counts": dict(tally.counts)}
        self.records.append(record | {"notes": tally.notes})
        lines = ",\n".join(map(json.dumps, self.records))  # one line per case, for readable diffs
        write_text(self.file, f'{{"machine": {json.dumps(self.machine)},\n"records": [\n{lines}\n]}}\n')

    def groups(self, kind: str) -> dict[str, Tally]:
        """The tallies of a kind by group, in the order of the groups' first cases."""
        tallies: dict[str, Tally] = {}
        for record in self.records:
            if record["kind"] == kind:
                tally = tallies.setdefault(record["group"], Tally())
                tally.counts += Counter(record["counts"])
                tally.notes += record["notes"]
        return tallies
