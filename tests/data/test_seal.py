"""A digest of what a Parquet file says, in its metadata."""

import pyarrow as pa

from logoformer_hf.data.seal import is_as_sealed, seal


def test_what_was_sealed_is_known_again():
    schema = seal(pa.schema([("a", pa.int64())]).with_metadata({b"other": b"stays"}), [b"ab", b"c"])
    assert schema.metadata[b"other"] == b"stays"
    assert is_as_sealed(schema.metadata, [b"ab", b"c"])
    for changed in ([b"ab", b"d"], [b"a", b"bc"], [b"abc"], [b"ab", b"c", b""], []):
        assert not is_as_sealed(schema.metadata, changed)


def test_files_without_a_seal_are_believed():
    assert is_as_sealed(None, [b"a"]) and is_as_sealed({b"other": b""}, [b"a"])
