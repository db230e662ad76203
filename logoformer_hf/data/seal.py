"""A digest in the metadata of a Parquet file: pages have checksums, metadata and what a table means have none."""

import hashlib
from collections.abc import Iterable, Mapping

import pyarrow as pa

SEAL = b"logoformer_digest"  # its name in the metadata


def seal(schema: pa.Schema, parts: Iterable[bytes]) -> pa.Schema:
    """The schema with a digest of these parts in its metadata."""
    return schema.with_metadata({**(schema.metadata or {}), SEAL: _digest(parts)})


def is_as_sealed(metadata: Mapping[bytes, bytes] | None, parts: Iterable[bytes]) -> bool:
    """Whether these parts are those that were sealed; also where nothing was, as in files of earlier versions."""
    known = (metadata or {}).get(SEAL)
    return known is None or known == _digest(parts)


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))  # so that no byte can move to the next part
        digest.update(part)
    return digest.hexdigest().encode()
