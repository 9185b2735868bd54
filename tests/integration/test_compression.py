"""Labels leave compressed as it is asked for, and other clients read them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from kafka import codec

from tests.harness.apache_kafka import ApacheKafka
from tests.integration.conftest import Stream, identities, message
from worker.errors import UserError
from worker.kafka.compression import compression_type
from worker.settings import load_settings

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]  # as the format of batches numbers them
_ATTRIBUTES_AT = 21  # in the header of a batch


def codec_of_first_batch(kafka: ApacheKafka, topic: str) -> str:
    """As it lies on the broker's disk."""
    segment = kafka.nodes[0].folder / "data" / f"{topic}-0" / f"{0:020}.log"
    attributes = int.from_bytes(segment.read_bytes()[_ATTRIBUTES_AT : _ATTRIBUTES_AT + 2])
    return CODECS[attributes & 0b111]


@pytest.mark.parametrize("compression", CODECS)
def test_labels_and_dead_letters_lie_compressed_as_asked_for(
    compression: str, breakable_kafka: ApacheKafka, tiny_model: Path, tmp_path: Path
) -> None:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model, partitions=1)
    stream.produce([message(str(n), f"text {n}") for n in range(20)] + [message(str(n), "") for n in range(20)])
    with stream.worker(compression=compression) as worker:
        labels, letters = stream.labels(20), stream.letters(20)
        assert worker.terminate() == 0
    assert identities(labels) == [str(n) for n in range(20)] == identities(letters)
    for topic in (stream.output, stream.dead_letters):
        assert codec_of_first_batch(breakable_kafka, topic) == compression


def test_a_batch_is_no_larger_than_its_topic_takes_also_where_brokers_unpack_it(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(topic_config={"max.message.bytes": "20000", "compression.type": "uncompressed"})
    stream.produce([message(str(n), "the very same text", partition=0) for n in range(300)])
    with stream.worker(compression="zstd", window_max_records=300) as worker:
        labels = stream.labels(300)
        assert worker.terminate() == 0
    assert identities(labels) == [str(n) for n in range(300)]
    assert "window_not_delivered" not in worker.log


@pytest.mark.parametrize(
    ("compression", "module", "package"),
    [("snappy", "snappy", "python-snappy"), ("lz4", "lz4", "lz4"), ("zstd", "zstd", "zstandard")],
)
def test_a_package_that_is_missing_is_named(
    compression: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(compression=compression)
    assert compression_type(settings) == compression
    monkeypatch.setattr(codec, module, None)
    with pytest.raises(UserError, match=f"EMOTION_COMPRESSION={compression} needs the package {package}"):
        compression_type(settings)
