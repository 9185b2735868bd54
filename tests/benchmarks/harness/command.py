"""The options that the benchmarks share, and what each of them runs in."""

import argparse
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.harness.streams import Kafka, Stream, kafka


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


def tiny_model(stream: Stream) -> Path:
    """A real model of next to no weights, for what is not about the model."""
    from tests.harness.tiny_model import write_tiny_model  # torch takes seconds; most benchmarks do not need it here

    folder = stream.folder / "tiny"
    return folder if folder.exists() else write_tiny_model(folder)


def _out_of_time(*_: object) -> None:
    raise OutOfTimeError("twice --minutes have passed")  # unwinds, so that nothing that was started is left behind
