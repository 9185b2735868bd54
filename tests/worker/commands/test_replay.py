"""Dead letters back to what they were: the worker's own letters, through the code that writes them."""

import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from worker.commands.dead_letters import Filters
from worker.commands.replay import Restorer
from worker.flow import ModelInfo, Outcome, Record, Rejected, Tombstone
from worker.kafka.topics import Topic
from worker.messages.encode import Encoder
from worker.messages.read_dead_letter import Letter, read_letter
from worker.messages.target import Target

AT_MS = 42_000
TEXT = Record(Source("in", 3, 17, 1_000), b"k", b"v", [("mine", b"1")])


def letter_of(record: Record, answer: Rejected | Tombstone, letter_bytes: int = 100_000) -> Record:
    """The dead letter as a reader finds it."""
    model = ModelInfo("m", "sha256:00", ["sad"], None)
    (sent,) = Encoder(model, Target("out", 600), Target("dead", letter_bytes), lambda: AT_MS).encode([record], [answer])
    assert sent.topic == "dead"
    return Record(Source("dead", sent.partition, 5, sent.timestamp_ms), sent.key, sent.value, list(sent.headers))


def restore(
    letter: Record, filters: Filters | None = None, partitions: int = 8
) -> tuple[list[Outcome], dict[str, int]]:
    restorer = Restorer(filters or Filters(), Topic("again", partitions, 10_000))
    outcomes, counts = restorer.restore([letter])
    return outcomes, dict(counts)


def read(record: Record) -> Letter:
    letter = read_letter(record)
    assert letter is not None
    return letter


def test_an_original_comes_back_with_its_key_value_headers_and_partition() -> None:
    (outcome,), counts = restore(letter_of(TEXT, Rejected(0, Reason.MODEL_FAILED, "why")))
    assert (outcome.topic, outcome.partition, outcome.key, outcome.value) == ("again", 3, b"k", b"v")
    assert outcome.headers == [("mine", b"1")]
    assert counts == {"replayed": 1}


def test_an_original_goes_to_the_same_other_partition_where_its_own_is_not_there() -> None:
    (outcome,), _ = restore(letter_of(TEXT, Rejected(0, Reason.MODEL_FAILED, "why")), partitions=2)
    assert outcome.partition == 1


def test_a_tombstone_that_was_too_large_comes_back_as_a_tombstone() -> None:
    tombstone = Record(TEXT.origin, b"k" * 1000, None, [])
    (outcome,), _ = restore(letter_of(tombstone, Tombstone(0)))
    assert (outcome.key, outcome.value) == (b"k" * 1000, None)


def test_a_letter_that_became_a_letter_again_is_read_by_its_last_headers() -> None:
    first = letter_of(TEXT, Rejected(0, Reason.MODEL_FAILED, "why"))
    second = read(
        letter_of(Record(first.origin, first.key, first.value, first.headers), Rejected(0, Reason.EMPTY_TEXT, ""))
    )
    assert (second.reason, second.topic) == (Reason.EMPTY_TEXT, "dead")


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (letter_of(Record(TEXT.origin, b"k", b"v" * 9_000, []), Rejected(0, Reason.EMPTY_TEXT, ""), 4096), "cut"),
        (
            letter_of(Record(TEXT.origin, None, None, []), Rejected(0, Reason.NULL_KEY_AND_VALUE, "")),
            "null_key_and_value",
        ),
        (letter_of(Record(TEXT.origin, b"k", b"v" * 20_000, []), Rejected(0, Reason.EMPTY_TEXT, "")), "too_large"),
        (TEXT, "no_dead_letter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_replayed_is_counted_by_why(letter: Record, why: str) -> None:
    assert restore(letter) == ([], {why: 1})


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        (Filters(reasons=["empty_text", "model_failed"]), True),
        (Filters(reasons=["empty_text"]), False),
        (Filters(since_ms=AT_MS, until_ms=AT_MS + 1), True),
        (Filters(since_ms=AT_MS + 1), False),
        (Filters(until_ms=AT_MS), False),
        (Filters(partitions=[3]), True),
        (Filters(partitions=[0]), False),
        (Filters(topic="in"), True),
        (Filters(topic="another"), False),
    ],
)
def test_every_filter_takes_and_leaves(filters: Filters, taken: bool) -> None:
    letter = letter_of(TEXT, Rejected(0, Reason.MODEL_FAILED, "why"))
    assert filters.take(read(letter)) is taken
    assert restore(letter, filters)[1] == ({"replayed": 1} if taken else {"filtered_out": 1})
