"""A number for each key, by which work is shared out: to two models, to two deployments, to a sample."""

from hashlib import blake2b

from worker.flow import Record

_BYTES = 6  # of a number; a float holds all of them


def share_of(record: Record) -> float:
    """Between 0 and 1, 1 itself excluded: the same for the same key, always and everywhere.

    It follows from the key's bytes alone, and is evenly spread. Records without a key go by topic, partition and
    offset. All that is below a share stays below a larger one.
    """
    key = record.key
    if key is None:
        origin = record.origin
        key = f"{origin.topic}-{origin.partition}-{origin.offset}".encode()
    return int.from_bytes(blake2b(key, digest_size=_BYTES).digest()) / (1 << 8 * _BYTES)
