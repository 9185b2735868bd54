"""What a broker sent before it closed the connection is read.

What the client does: where the last bytes and the end of the connection are there at once it throws the bytes away.
Since: 3.0.0, with the package `kafka.net`.
Without the patch: a broker that says why it refuses a login, and closes, is not heard.
Upstream: no issue found.
"""

from kafka.errors import KafkaError
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

_receive = KafkaTCPTransport._sock_recv
_receive_tls = KafkaSSLTransport._sock_recv


def receive(transport: KafkaTCPTransport) -> tuple[bytes, KafkaError | None]:
    """What came, and an error only where nothing did: the next read finds the connection closed as well."""
    received, error = _receive(transport)
    return received, None if received else error


def receive_tls(transport: KafkaSSLTransport) -> tuple[bytes, KafkaError | None]:
    """The same over TLS."""
    received, error = _receive_tls(transport)
    return received, None if received else error
