"""The options that the benchmarks share, and what each of them runs in."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.harness.streams import Kafka, Stream, kafka
from tests.harness.tiny_model import write_tiny_model


def options(description: str, **defaults: int | float | str) -> argparse.Namespace:
    """The command line: `--texts 2000` for `texts=2000`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=" ")
    return parser.parse_args()


@contextmanager
def filled_stream(texts: list[str]) -> Iterator[tuple[Kafka, Stream]]:
    """A broker with a topic that holds the texts."""
    with kafka() as broker, tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        stream = Stream(broker.servers, Path(folder))
        stream.fill(texts)
        yield broker, stream


def tiny_model(stream: Stream) -> Path:
    """A real model of next to no weights, for what is not about the model."""
    folder = stream.folder / "tiny"
    return folder if folder.exists() else write_tiny_model(folder)
