"""The options that the benchmarks share, and what each of them runs in."""

import argparse
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.harness.streams import PATIENT, Kafka, Stream, kafka
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.delay_line import DelayLine
from tests.harness.jars import kafka_jars


class OutOfTimeError(Exception):
    """The benchmark takes far longer than it was given."""


def options(description: str, **defaults: int | float | str) -> argparse.Namespace:
    """The command line: `--texts 2000` for `texts=2000`. From now on the process ends after twice `--minutes`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for name, default in (defaults | {"minutes": 10.0}).items():
        says = "start no round that would end later than this" if name == "minutes" else " "
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=says)
    parser.add_argument("--save", action="store_true", help="write the JSON to results/ as well, for the page")
    given = parser.parse_args()
    given.load_before = round(os.getloadavg()[0], 2)
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(int(given.minutes * 120))
    return given


@contextmanager
def filled_stream(texts: list[str]) -> Iterator[tuple[Kafka, Stream]]:
    """A broker with a topic that holds the texts."""
    with kafka() as broker, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        stream = Stream(broker.servers, Path(folder))
        stream.fill(texts)
        yield broker, stream


@contextmanager
def distant_stream(texts: list[str], round_trip_s: float) -> Iterator[tuple[str, Stream]]:
    """A broker with a topic that holds the texts; and its address for who is as far away as that."""
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        ApacheKafka(kafka_jars(), Path(folder) / "kafka", properties=PATIENT, heap_mb=1024) as cluster,
        DelayLine(cluster.nodes[0].proxy_port, cluster.nodes[0].proxied_port, round_trip_s),
    ):
        stream = Stream(cluster.bootstrap_servers, Path(folder))
        stream.fill(texts)
        yield cluster.proxied_bootstrap_servers, stream


def tiny_model(stream: Stream) -> Path:
    """A real model of next to no weights, for what is not about the model."""
    from tests.harness.tiny_model import write_tiny_model  # torch takes seconds; most benchmarks do not need it here

    folder = stream.folder / "tiny"
    return folder if folder.exists() else write_tiny_model(folder)


def _out_of_time(*_: object) -> None:
    raise OutOfTimeError("twice --minutes have passed")  # unwinds, so that nothing that was started is left behind
