"""Connections that end at once where a broker refuses them for good, in time where none answers, and that say why.

What the client does: it means to, but
- loses what went wrong while it connects and with which broker, tries for ever, and says at last that time is up;
- waits for a TLS handshake without end, whatever `bootstrap_timeout_ms` says;
- gives all of the bootstrap time to the first server that it picks, also if that one says nothing;
- raises in `await_ready` of a transactional producer, which then drops the request and never sends it again.
Since: 3.0.0, with the package `kafka.net`.
Without the patch: a wrong password or port looks like brokers that are away, a start beside a silent server hangs, and
the end of a transaction may be waited for without end.
Upstream: no issue found. #3098 (3.0) mends the back-off of a failed bootstrap, not its reason.
"""

import time

from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from worker.kafka.fatal_errors import fatal_connection_error

_BOOTSTRAP_SERVER_MS = 2_500  # of the time to begin with any of several servers


class _FailFastConnections(KafkaConnectionManager):  # type: ignore[misc]
    """Keeps what went wrong last, and what is refused for good."""

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
            except KafkaConnectionError as error:
                by = "" if self.cluster.is_bootstrap(node.node_id) else " (as the brokers advertise it)"
                error.args = (f"{node.host}:{node.port}{by}: {error.args[0]}",)  # what caused it stays with it
                built.failure(error)
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
