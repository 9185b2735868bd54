"""The output topics tell how far the input was answered."""

from collections.abc import Callable
from functools import partial

from confluent_kafka import Producer

from schemas.emotion_label import Source
from schemas.wire_format import read_label
from tests.harness.apache_kafka import KafkaUnderTest
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic, delete_records
from tests.integration.conftest import Stream, message
from worker.flow import Partition, Record
from worker.kafka.answered_offsets import find_answered
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_outputs import find_visible
from worker.kafka.own_keys import KeyShare
from worker.messages.outcome_origin import read_answer
from worker.settings import Settings

READ = partial(read_answer, read_label)


def settings_of(stream: Stream, **others: str) -> Settings:
    topics = {
        "input_topic": stream.input,
        "output_topic": stream.output,
        "dead_letter_topic": stream.dead_letters,
        "group_id": stream.group,
    }
    return Settings(bootstrap_servers=stream.servers, **(topics | others))  # type: ignore[arg-type]


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
    broker = KafkaClients(settings)

    expected = {Partition(stream.input, number): offset for number, offset in stream.committed().items()}
    assert len(expected) == 3
    all_partitions = sorted(expected)
    assert find_answered(broker, settings, READ, all_partitions) == expected

    producer = Producer({"bootstrap.servers": stream.servers, "transactional.id": stream.output})
    producer.init_transactions()
    producer.begin_transaction()
    for _ in range(2_000):  # more than are looked at first
        producer.produce(stream.output, b"not ours", partition=0)
    producer.flush()
    assert find_answered(broker, settings, READ, all_partitions) is None
    # Another worker may have a transaction open at any time: to wait for a moment without one is to starve.
    others = {partition: offset for partition, offset in expected.items() if partition.number != 0}
    assert find_answered(broker, settings, READ, all_partitions[1:]) == others
    producer.abort_transaction()
    assert find_answered(broker, settings, READ, all_partitions) == expected


def test_outcomes_are_seen_if_they_are_committed(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topics = [create_topic(servers, partitions=2) for _ in range(2)]
    settings = Settings(bootstrap_servers=servers, output_topic=topics[0], dead_letter_topic=topics[1])
    broker = KafkaClients(settings)
    producer = Producer({"bootstrap.servers": servers, "transactional.id": topics[0]})
    producer.init_transactions()
    for is_committed in (True, False):
        producer.begin_transaction()
        for topic in topics:
            for _ in range(3):
                producer.produce(topic, b"an outcome", partition=1)
        producer.flush()  # an abort drops what is not sent
        if is_committed:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    first, second = (Partition(topic, 1) for topic in topics)
    committed, aborted = [(first, 2), (second, 0)], [(first, 4), (first, 6)]  # 3 and 7 are their markers
    expected = dict.fromkeys(committed, True) | dict.fromkeys(aborted, False)
    eventually(
        lambda: find_visible(broker, settings, aborted),
        30,
        "the markers are written, which comes after the answer",
    )
    assert find_visible(broker, settings, [*committed, *aborted]) == expected
    assert find_visible(broker, settings, []) == {}

    delete_records(servers, topics[0], {1: 4})
    assert find_visible(broker, settings, [*committed, *aborted]) == {(second, 0): True} | dict.fromkeys(aborted, False)
    assert find_visible(broker, settings, [(first, -1)]) == {}  # of which the brokers did not tell the offset

    producer.begin_transaction()
    producer.produce(topics[0], b"an outcome", partition=1)
    producer.flush()
    assert find_visible(broker, settings, [(first, 6), (first, 8)]) is None
    assert find_visible(broker, settings, committed) == {(second, 0): True}
    producer.abort_transaction()
    eventually(lambda: find_visible(broker, settings, [(first, 8)]), 30, "the marker is written")
    assert find_visible(broker, settings, [(first, 8)]) == {(first, 8): False}
    assert find_visible(broker, settings, [(Partition(f"{first.topic}-gone", 0), 0)]) is None


def test_nothing_is_known_while_they_cannot_be_read(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    settings = settings_of(stream, output_topic=f"{stream.output}-gone", input_topic=create_topic(stream.servers))
    assert find_answered(KafkaClients(settings), settings, READ, [Partition(settings.input_topic, 0)]) is None


def test_of_two_shares_of_the_keys_each_is_answered_as_far_as_its_own_answers_go(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(partitions=1)
    low, high = KeyShare(0.0, 0.2), KeyShare(0.2, 1.0)
    numbers = range(2_500)  # the last answer of the lower share lies beyond what is looked at first
    records = [message(f"m-{index}", f"text {index}", 0) for index in numbers]
    in_low = [low.holds(Record(Source("", 0, 0, None), record.key, None, [])) for record in records]
    kept = [index for index in numbers if index < 100 or not in_low[index]]
    stream.produce([records[index] for index in kept])
    with stream.worker() as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    partition = Partition(stream.input, 0)
    for share, is_low in ((low, True), (high, False)):
        own = settings_of(stream, key_share=str(share), group_id=f"{stream.group}-{is_low}")
        last = max(offset for offset, index in enumerate(kept) if in_low[index] == is_low)
        assert find_answered(KafkaClients(own), own, READ, [partition]) == {partition: last + 1}


def test_what_another_deployment_commits_in_the_same_partition_says_nothing_of_ours(
    apache_kafka: KafkaUnderTest,
) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, output_topic=topic)
    broker, place = KafkaClients(settings), Partition(topic, 0)
    ours, theirs = (
        Producer({"bootstrap.servers": servers, "transactional.id": f"{topic}-{name}"}) for name in ("ours", "theirs")
    )
    for producer in (ours, theirs):
        producer.init_transactions()
        producer.begin_transaction()
        producer.produce(topic, b"an outcome")
        producer.flush()
    theirs.commit_transaction()
    assert find_visible(broker, settings, [(place, 0)]) is None
    assert find_visible(broker, settings, [(place, 1)]) is None, "readers see nothing behind what is open"
    ours.abort_transaction()
    eventually(lambda: find_visible(broker, settings, [(place, 0)]), 30, "the marker is written")
    assert find_visible(broker, settings, [(place, 0), (place, 1)]) == {(place, 0): False, (place, 1): True}
