"""Mends of kafka-python 3.0.12, pinned to that version: whoever raises it checks each against the new source."""

import time

import google_crc32c
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.cluster import ClusterMetadata
from kafka.consumer.fetcher import Fetcher
from kafka.coordinator.base import BaseCoordinator
from kafka.errors import (
    Cancelled,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    RequestTimedOutError,
)
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.protocol.admin import DescribeGroupsRequest
from kafka.record import default_records, memory_records
from kafka.structs import MemberState

from worker.kafka.fatal_errors import FatalConnectionError, fatal_connection_error
from worker.kafka.patches.record_batch import RecordBatch

_BOOTSTRAP_SERVER_MS = 2_500  # of the time to begin with any of several servers


def apply_patches() -> None:
    """Apply those that are not asked for by name, for every client of this process.

    Without a C library kafka-python computes checksums in Python: consuming then costs five times as much CPU. The
    library it looks for, `crc32c`, is LGPL; google-crc32c does the same sum under a permissive licence.
    """
    default_records.calc_crc32c = _checksum
    memory_records.DefaultRecordBatch = RecordBatch
    BaseCoordinator._do_join_and_sync_async = _join_and_sync
    ClusterMetadata.bootstrap_brokers = _bootstrap_brokers
    Fetcher.fetch_records = _fetch_records
    KafkaTCPTransport._sock_recv = _receive_last_words
    KafkaSSLTransport._sock_recv = _receive_last_tls_words


class _FailFastConnections(KafkaConnectionManager):  # type: ignore[misc]
    """Connections that end at once where a broker refuses them for good, in time where none answers, and say why.

    The base means to, but loses what went wrong while it connects, tries for ever, and says that time is up.
    """

    _last_failure: BaseException | None = None

    def get_connection(self, node_id, timeout_ms=None, **options):  # type: ignore[no-untyped-def]
        if timeout_ms is not None and len(self.cluster._bootstrap_brokers) > 1 and self.cluster.is_bootstrap(node_id):
            timeout_ms = min(timeout_ms, _BOOTSTRAP_SERVER_MS)  # one that says nothing must not use up all of it
        return super().get_connection(node_id, timeout_ms=timeout_ms, **options)

    async def _build_transport(self, node, timeout_at):  # type: ignore[no-untyped-def]
        """Connect, the TLS handshake included, which the base waits for without end."""
        built = Future()

        async def build() -> None:
            try:
                built.success(await super(_FailFastConnections, self)._build_transport(node, timeout_at=timeout_at))
            except Exception as error:
                built.failure(error)

        task = self._net.call_soon(build)
        try:
            return await self.wait_for(built, max(0, timeout_at - time.monotonic()) * 1000)
        except KafkaTimeoutError:
            self._net.cancel(task)
            raise KafkaTimeoutError(f"{node.host}:{node.port} does not answer") from None

    async def _connect(self, node, conn, **options):  # type: ignore[no-untyped-def]
        conn.close_future.add_errback(self._note)
        await super()._connect(node, conn, **options)
        if conn.init_future.failed():
            self._note(conn.init_future.exception)
            if fatal := fatal_connection_error(conn.init_future.exception, f"{node.host}:{node.port}"):
                self._auth_failures[node.node_id] = fatal

    async def _do_bootstrap(self, deadline):  # type: ignore[no-untyped-def]
        try:
            return await super()._do_bootstrap(deadline)
        except KafkaTimeoutError as error:
            raise KafkaTimeoutError(str(self._last_failure or error)) from error

    def _note(self, error: BaseException) -> None:
        self._last_failure = error


class FailFastClient(KafkaNetClient):  # type: ignore[misc]
    """A network client with such connections."""

    def __init__(self, **config: object) -> None:
        net = NetworkSelector(**config)
        super().__init__(net, _FailFastConnections(net, **config))


class GroupRightsAdminClient(KafkaAdminClient):  # type: ignore[misc]
    """An admin client that learns its rights on a group that nobody has joined yet."""

    def _describe_groups_request(self, group_ids: list[str]) -> DescribeGroupsRequest:
        # From version 6 on a group without members is an error, and its rights are left out.
        return DescribeGroupsRequest(groups=list(group_ids), include_authorized_operations=True, max_version=5)


class RetryingClient(FailFastClient):
    """A network client that says "not ready" where its base raises.

    The transactional producer drops a request for good when its coordinator is unreachable at that moment, and
    whoever waits for the answer hangs for ever. Told that the coordinator is not ready, it tries again.
    """

    def await_ready(self, *arguments: object, **options: object) -> bool:
        """Whether the node can be talked to now."""
        try:
            return bool(super().await_ready(*arguments, **options))
        except KafkaError:
            return False


def raise_fatal_error(consumer: KafkaConsumer) -> None:
    """Raise what a broker refuses the consumer's connections for: its poll would try for ever, in silence."""
    for error in list(consumer._client._manager._auth_failures.values()):
        if isinstance(error, FatalConnectionError):
            raise error


def has_buffered_records(consumer: KafkaConsumer) -> bool:
    """Whether records are here that no poll has returned: the client asks ahead, and is answered by the next record."""
    return bool(consumer._fetcher._completed_fetches or consumer._fetcher._next_partition_records)


def fetch_committed_offset(consumer: KafkaConsumer, partition: TopicPartition, timeout_ms: int) -> int | None:
    """The group's offset of a partition as the broker has it now.

    After a call of `committed` that timed out, the next one returns the late answer to the first, however old: windows
    that others have delivered since would be delivered again, and nothing could fence that.
    """
    consumer._coordinator._offset_fetch_futures.clear()
    offset: int | None = consumer.committed(partition, timeout_ms=timeout_ms)
    return offset


def _bootstrap_brokers(cluster: ClusterMetadata) -> list[object]:
    """Those to begin with: not the one that failed a moment ago, which the base is as likely to take again."""
    brokers = list(cluster._bootstrap_brokers.values())
    return [clients for clients in brokers if cluster._manager.connection_delay(clients.node_id) == 0] or brokers


_join_once = BaseCoordinator._do_join_and_sync_async


async def _join_and_sync(coordinator: BaseCoordinator) -> bytes:
    """Join the group: what it agreed on is taken, and a coordinator that cannot be reached is looked for anew.

    The base joins anew because the topic has more partitions, takes note of them half-way, and sees no more reason to
    join: if a poll ends there, and the next one looks, nobody ever takes the assignment. And it throws away what was
    agreed on between two polls, to begin again.

    A coordinator that died meanwhile it asks again, and drops only once connections to it are refused: where something
    in front of the broker takes them nevertheless (a load balancer, a sidecar, a tunnel), that is when it is back. One
    that falls silent it waits for as long as other members may take to join, `max_poll_interval_ms`. Here it is asked
    again after each session time-out; to a coordinator that is well the same member may say twice that it joins.
    """
    generation, assignment = coordinator.__dict__.pop("_agreed", (None, b""))
    if generation is coordinator._generation and coordinator.state is MemberState.REBALANCING:
        return bytes(assignment)
    coordinator.request_rejoin()  # until it is through
    manager, node_id = coordinator._manager, coordinator.coordinator_id
    try:
        attempt = manager.call_soon(_join_once, coordinator)
        assignment = await manager.wait_for(attempt, coordinator.config["session_timeout_ms"])
    except (Cancelled, KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError) as error:
        for connection in {manager._conns.get(node_id), manager._conns.get(coordinator.coordinator_id)} - {None}:
            connection.close(error)  # which ends the attempt as well
        coordinator.coordinator_dead(error)
        raise
    coordinator._agreed = coordinator._generation, assignment
    return bytes(assignment)


_fetch_once = Fetcher.fetch_records


def _fetch_records(
    fetcher: Fetcher, *arguments: object, **options: object
) -> tuple[dict[TopicPartition, list[object]], bool]:
    """What was fetched, and whether there is nothing to wait for; the consumer then sleeps for 100 ms.

    An answer that arrives after the base has looked for it, and before it asks for more, is nothing to wait for either.
    The second time it finds that.
    """
    found, is_idle = _fetch_once(fetcher, *arguments, **options)
    return _fetch_once(fetcher, *arguments, **options) if is_idle else (found, is_idle)


_receive = KafkaTCPTransport._sock_recv
_receive_tls = KafkaSSLTransport._sock_recv


def _receive_last_words(transport: KafkaTCPTransport) -> tuple[bytes, KafkaError | None]:
    """What a broker sent before it closed: the base throws that away, also where it says why."""
    received, error = _receive(transport)
    return received, None if received else error  # the next read finds the connection closed as well


def _receive_last_tls_words(transport: KafkaSSLTransport) -> tuple[bytes, KafkaError | None]:
    received, error = _receive_tls(transport)
    return received, None if received else error


def _checksum(view: memoryview) -> int:
    checksum: int = google_crc32c.value(bytes(view))  # it takes read-only bytes only
    return checksum
