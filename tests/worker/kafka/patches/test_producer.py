"""What brokers say of a window's batches: which record is to blame, and which error counts."""

from collections.abc import Callable
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from kafka.producer.producer_batch import ProducerBatch

from worker.flow import Outcome, Partition
from worker.kafka.patches.producer import RecordsRefusedError, UnnamedRefusalError, WindowProducer
from worker.kafka.patches.record_writer import make_batches

LABELS, LETTERS = Partition("labels", 0), Partition("letters", 0)
OUTCOME = Outcome(0, *LABELS, key=None, value=b"v", headers=[], timestamp_ms=1_764_000_000_000)


def batch(records: int, answer: Callable[[ProducerBatch], object]) -> ProducerBatch:
    (made,) = make_batches(TopicPartition("t", 0), [OUTCOME] * records, 0, 1 << 20)
    answer(made)
    return made


def taken(made: ProducerBatch) -> None:
    made.complete(100, -1)


def aborted(error: Exception) -> Callable[[ProducerBatch], object]:
    return lambda made: made.abort(error)


def failed(error: Exception) -> Callable[[ProducerBatch], object]:
    return lambda made: made.complete_exceptionally(error, lambda _: error)


def blamed(*places: int) -> Callable[[ProducerBatch], object]:
    """As the client tells it where brokers name records."""

    def error_of(place: int) -> Any:
        return InvalidTimestampError("too new") if place in places else KafkaError("a neighbour")

    return lambda made: made.complete_exceptionally(InvalidTimestampError("too new"), error_of)


def deliver(
    labels: list[ProducerBatch], letters: list[ProducerBatch], singly: bool = False
) -> Any:  # its answer, or the error it raised
    producer: Any = WindowProducer.__new__(WindowProducer)
    producer._closed, producer.config = False, {}
    queued = {TopicPartition(*LABELS): labels, TopicPartition(*LETTERS): letters}
    producer._queue = lambda partition, _records, _singly: queued[partition]
    producer.flush = lambda **_: None
    try:
        return producer.deliver({LABELS: [], LETTERS: []}, 1.0, singly)
    except KafkaError as error:
        return error
    finally:
        producer._closed = True  # there is nothing to close


def test_the_last_offset_of_each_partition_is_told() -> None:
    assert deliver([batch(3, taken), batch(2, taken)], [batch(1, taken)]) == {LABELS: 101, LETTERS: 100}


def test_the_record_to_blame_is_named_with_what_the_brokers_have_before_it() -> None:
    answer = deliver(
        [batch(3, taken), batch(4, blamed(1, 2)), batch(2, aborted(KafkaError("given up")))], [batch(1, taken)]
    )
    assert isinstance(answer, RecordsRefusedError)
    assert answer.refused == {
        (LABELS, 4): "InvalidTimestampError: too new",
        (LABELS, 5): "InvalidTimestampError: too new",
    }
    assert answer.taken == {LABELS: 3, LETTERS: 1}


@pytest.mark.parametrize(
    ("error", "singly", "expected"),
    [
        (InvalidRecordError("no key"), False, UnnamedRefusalError),
        (InvalidRecordError("no key"), True, RecordsRefusedError),
        (MessageSizeTooLargeError("too large"), False, MessageSizeTooLargeError),
        (MessageSizeTooLargeError("too large"), True, RecordsRefusedError),
        (TopicAuthorizationFailedError("letters"), False, TopicAuthorizationFailedError),
    ],
)
def test_an_error_counts_before_what_the_client_gave_up_because_of_it(
    error: Exception, singly: bool, expected: type[Exception]
) -> None:
    given_up = [batch(1, taken), batch(1, aborted(error))]
    assert type(deliver(given_up, [batch(1, failed(error))], singly)) is expected


def test_where_all_was_given_up_no_record_is_to_blame() -> None:
    answer = deliver([batch(1, aborted(InvalidRecordError("another's")))], [batch(1, taken)], singly=True)
    assert type(answer) is KafkaError


def test_words_of_brokers_are_one_short_line() -> None:
    answer = deliver([batch(1, failed(InvalidRecordError("a\nb " * 1000)))], [], singly=True)
    assert isinstance(answer, RecordsRefusedError)
    (words,) = answer.refused.values()
    assert words.startswith("InvalidRecordError: a b a b")
    assert len(words) == 300
