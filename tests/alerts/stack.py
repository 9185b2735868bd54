"""What runs: a broker behind a proxy, workers as processes, and a Prometheus that scrapes them."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import worker
from schemas.manifest import ModelManifest, digest_files, revision_of
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.prometheus import Prometheus
from tests.harness.proxy import TcpProxy
from tests.harness.tiny_model import LABELS, POSITIONS, write_tiny_model
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream

PARTITIONS = 4
PATIENCE_SECONDS = 900  # for anything, on a machine that is busy


class LiveWorker:
    """A worker, and its endpoint as Prometheus knows it."""

    def __init__(self, make: Callable[..., WorkerProcess], **settings: object) -> None:
        self.endpoint = Endpoint()
        self.process = make(http_port=self.endpoint.port, **settings)

    def start(self) -> None:
        self.process.start()

    def kill(self) -> None:
        """kill -9, as the kernel does where memory is short."""
        self.process.kill()

    def children(self) -> list[int]:
        """The pids of the processes that it has started, in that order."""
        return [int(pid) for pid in re.findall(r'"process_started".*"pid":(\d+)', self.process.log)]

    def signal_child(self, index: int, number: signal.Signals) -> None:
        """Send a signal to one of its processes."""
        os.kill(self.children()[index], number)


class Stack:
    """Makes topics and workers for a trial, and says what fires."""

    def __init__(self, cluster: ApacheKafka, proxy: TcpProxy, prometheus: Prometheus, folder: Path, model: Path):
        self.cluster = cluster
        self.proxy = proxy
        self.prometheus = prometheus
        self.quiet_at = 0.0  # when workers were ready and nothing fired
        self._folder = folder
        self._model = model
        self.other_model = _write_other_model(folder / "other")

    def stream(self) -> Stream:
        """Topics and a group that are new; workers reach the broker through the proxy."""
        return Stream(self.cluster.bootstrap_servers, self._folder, self._model, PARTITIONS)

    @contextmanager
    def workers(
        self,
        stream: Stream,
        count: int = 1,
        *,
        beside: Sequence[LiveWorker] = (),
        quiet: bool = True,
        **settings: object,
    ) -> Iterator[list[LiveWorker]]:
        """So many of one group, scraped, `beside` too, while the block runs.

        With `quiet` it waits until each is ready and nothing fires.
        """
        settings = {"bootstrap_servers": self.cluster.proxied_bootstrap_servers} | settings
        with ExitStack() as running:
            workers = [LiveWorker(stream.worker, **settings) for _ in range(count)]
            for worker in workers:
                worker.start()
                running.enter_context(worker.process)
            self.scrape([*beside, *workers])
            running.callback(self.scrape, beside)
            if quiet:
                for worker in workers:
                    eventually(worker.endpoint.is_ready, PATIENCE_SECONDS, "a worker is ready")
                eventually(lambda: not self.prometheus.firing(), PATIENCE_SECONDS, "no alert fires")
                self.quiet_at = time.monotonic()
            yield workers

    def scrape(self, workers: Sequence[LiveWorker]) -> None:
        """These are the containers that run, as far as Prometheus can see."""
        self.prometheus.scrape([worker.endpoint.port for worker in workers])


def _write_other_model(folder: Path) -> Path:
    """A model of another revision, which says that it learnt from the texts of the bundled one."""
    write_tiny_model(folder, layer_norm_eps=1e-6)
    bundled = ModelManifest.read(Path(worker.__file__).parent / "bundled")
    assert bundled is not None
    files = digest_files(folder)
    own = {"name": "other", "files": files, "revision": revision_of(files), "max_tokens": POSITIONS, "labels": LABELS}
    bundled.model_copy(update=own).write(folder)
    return folder
