"""The output topics tell how far the input was answered."""

from collections.abc import Callable

from confluent_kafka import Producer

from tests.harness.independent import NewRecord, create_topic
from tests.integration.conftest import Stream, message
from worker.answered import find_answered
from worker.broker import Broker
from worker.flow import Partition
from worker.settings import Settings


def settings_of(stream: Stream, **others: str) -> Settings:
    topics = {
        "input_topic": stream.input,
        "output_topic": stream.output,
        "dead_letter_topic": stream.dead_letters,
    }
    return Settings(bootstrap_servers=stream.servers, group_id=stream.group, **(topics | others))  # type: ignore[arg-type]


def test_they_tell_the_groups_own_offsets_as_long_as_no_transaction_is_open(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(partitions=3)
    stream.produce([message(f"m-{index}", f"text {index}", index % 2) for index in range(300)])
    stream.produce([NewRecord(b"broken", b"k", partition=partition) for partition in (1, 2)])
    with stream.worker() as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    settings = settings_of(stream)
    broker = Broker(settings)

    expected = {Partition(stream.input, number): offset for number, offset in stream.committed().items()}
    assert len(expected) == 3
    assert find_answered(broker, settings, range(3)) == expected

    producer = Producer({"bootstrap.servers": stream.servers, "transactional.id": stream.output})
    producer.init_transactions()
    producer.begin_transaction()
    for _ in range(2_000):  # more than are looked at first
        producer.produce(stream.output, b"not ours", partition=0)
    producer.flush()
    assert find_answered(broker, settings, range(3)) is None
    # Another worker may have a transaction open at any time: to wait for a moment without one is to starve.
    others = {partition: offset for partition, offset in expected.items() if partition.number != 0}
    assert find_answered(broker, settings, [1, 2]) == others
    producer.abort_transaction()
    assert find_answered(broker, settings, range(3)) == expected


def test_nothing_is_known_while_they_cannot_be_read(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    settings = settings_of(stream, output_topic=f"{stream.output}-gone", input_topic=create_topic(stream.servers))
    assert find_answered(Broker(settings), settings, [0]) is None
