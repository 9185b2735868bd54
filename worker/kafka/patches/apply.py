"""Applies the patches that are not asked for by name, for every client of this process.

At import it says whether the client is the one that the patches were checked with.
"""

import warnings
from typing import Any, NamedTuple

import kafka
from kafka.cluster import ClusterMetadata
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import BaseCoordinator
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.record import default_records, memory_records

from worker.kafka.patches.bootstrap import bootstrap_brokers
from worker.kafka.patches.checksums import calc_crc32c
from worker.kafka.patches.fetching import fetch_records
from worker.kafka.patches.group_join import join_and_sync
from worker.kafka.patches.polled_records import unpack_records
from worker.kafka.patches.receiving import receive, receive_tls
from worker.kafka.patches.record_reader import RecordBatch

CHECKED_WITH = "3.0.12"

if kafka.__version__ != CHECKED_WITH:
    warnings.warn(
        f"kafka-python {kafka.__version__} is installed, but worker.kafka was checked with {CHECKED_WITH} only, and "
        f"reaches into private parts of it: install kafka-python=={CHECKED_WITH}",
        RuntimeWarning,
        stacklevel=1,
    )


class Patch(NamedTuple):
    """A name of the client's, what it stands for, and what takes its place."""

    owner: Any
    name: str
    original: Any
    replacement: Any


PATCHES = tuple(
    Patch(owner, name, getattr(owner, name), replacement)
    for owner, name, replacement in (
        (default_records, "calc_crc32c", calc_crc32c),
        (memory_records, "DefaultRecordBatch", RecordBatch),
        (BaseCoordinator, "_do_join_and_sync_async", join_and_sync),
        (ClusterMetadata, "bootstrap_brokers", bootstrap_brokers),
        (Fetcher, "fetch_records", fetch_records),
        (Fetcher.PartitionRecords, "_unpack_records", unpack_records),
        (KafkaTCPTransport, "_sock_recv", receive),
        (KafkaSSLTransport, "_sock_recv", receive_tls),
    )
)


def apply_patches() -> None:
    """Put every replacement in its place; again does no harm."""
    for patch in PATCHES:
        setattr(patch.owner, patch.name, patch.replacement)
