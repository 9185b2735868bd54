"""Free ports on the loopback address."""

import random
import socket

# Below the range from which Linux takes ports for outgoing connections (32768 and up): the port of a
# broker that is down for a moment cannot be taken by a client's connection before it is back.
_PORTS = range(20_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on now, and that this process is not given twice."""
    for port in random.sample(_PORTS, 200):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError("no free port found on 127.0.0.1")
