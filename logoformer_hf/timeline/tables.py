"""The windows of a timeline as a table: Parquet and CSV."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .._files import whole_file
from .facts import timeline_facts
from .timeline import Timeline

METADATA_KEY = b"logoformer_timeline"


def write_parquet(timeline: Timeline, path: Path) -> None:
    """
    Writes one row a window; the facts of the timeline are JSON in the file's metadata, under `logoformer_timeline`.
    Scores of a window that was not classified are null.
    """
    table = pa.Table.from_pandas(timeline.frame(), preserve_index=False)
    facts = json.dumps(timeline_facts(timeline), allow_nan=False).encode()
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA_KEY: facts})
    with whole_file(path) as partial, partial.open("wb") as file:  # pyarrow opens only names that are UTF-8
        pq.write_table(table, file)


def write_csv(timeline: Timeline, path: Path) -> None:
    """
    Writes one row a window in UTF-8, numbers with at most six decimals. Scores of a window that was not classified
    are empty.
    """
    with whole_file(path) as partial:
        timeline.frame().round(6).to_csv(partial, index=False, encoding="utf-8", lineterminator="\n", errors="replace")
