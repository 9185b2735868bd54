"""The loop on real stages, with lists in place of Kafka: what it does with windows, and what it never does."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.emotion_label import Source as Origin
from schemas.fields import Fields
from worker import loop
from worker.circuit_breaker import CircuitBreaker
from worker.errors import NotDeliveredError
from worker.flow import Answer, Outcome, Partition, Record, Reviews, Window, in_order
from worker.messages.decode import decode, message_reader
from worker.messages.encode import Encoder
from worker.messages.target import Target
from worker.model.artifact import find_artifact
from worker.model.batcher import plan
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer


class ListSource:
    """Gives each window once, again after a rewind, then stops the loop."""

    def __init__(self, windows: list[Window]) -> None:
        self.windows = windows
        self.next = 0
        self.rewound = 0

    def exhausted(self) -> bool:
        return self.next >= len(self.windows)

    def poll(self) -> Window:
        self.next += 1
        return self.windows[self.next - 1]

    def rewind(self) -> None:
        self.rewound += 1
        self.next -= 1


class ListSink:
    """Keeps what is delivered; refuses as often as it is told."""

    def __init__(self, refusals: int = 0) -> None:
        self.delivered: list[tuple[Window, list[Outcome]]] = []
        self.refusals = refusals

    def settle(self) -> None:
        """Nothing is ever left open."""

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise NotDeliveredError("refused")
        self.delivered.append((window, outcomes))


def review_last(_records: list[Record], _answers: Sequence[Answer], outcomes: list[Outcome]) -> Reviews:
    """One outcome of each window leaves once more."""
    last = outcomes[-1]
    return Reviews([Outcome(last.index, "reviews", last.partition, b"", b"", [], None)])


@pytest.fixture(scope="module")
def model_and_tokenizer(tiny_model: Path) -> tuple[Model, Tokenizer]:
    artifact = find_artifact(str(tiny_model), None)
    model = Model(artifact, "cpu", "float32")
    return model, Tokenizer(artifact, model.positions)


def window(values: list[bytes | None]) -> Window:
    records = [Record(Origin("in", 0, offset, None), b"k", value, []) for offset, value in enumerate(values)]
    return Window(records, {Partition("in", 0): len(values)}, None)


def run(source: ListSource, sink: ListSink, model: Model, tokenizer: Tokenizer, **others: Any) -> None:
    stages = loop.Stages(
        source=source,
        decode=partial(decode, message_reader("json", Fields(), max_bytes=1000)),
        tokenize=tokenizer.tokenize,
        plan=partial(plan, batch_tokens=64),
        predict=model.predict,
        encode=Encoder(model.info, Target("out", 10**6), Target("dead", 10**6), lambda: 0).encode,
        circuit_breaker=CircuitBreaker("dead", 95),
        sink=sink,
    )
    loop.run(replace(stages, **others), source.exhausted, lambda: None)


def test_outcomes_come_in_the_order_of_the_records_whatever_they_are(
    model_and_tokenizer: tuple[Model, Tokenizer],
) -> None:
    values = [b'{"text": "%s"}' % (b"long words " * (30 - index)) for index in range(30)]
    mixed: list[bytes | None] = [*values]
    mixed[3], mixed[7], mixed[11] = b"broken", None, b'{"text": ""}'
    sink = ListSink()
    run(ListSource([window(mixed)]), sink, *model_and_tokenizer)
    ((_, outcomes),) = sink.delivered
    assert [outcome.index for outcome in outcomes] == list(range(30))
    assert [index for index, outcome in enumerate(outcomes) if outcome.topic == "dead"] == [3, 11]
    assert outcomes[7].value is None
    ids = [orjson.loads(outcome.value or b"")["id"] for outcome in outcomes if outcome.topic == "out" and outcome.value]
    assert ids == [f"in-0-{index}" for index in range(30) if index not in (3, 7, 11)]


def test_what_leaves_for_review_is_delivered_with_its_window_and_does_not_count_as_an_outcome(
    model_and_tokenizer: tuple[Model, Tokenizer],
) -> None:
    counted: list[list[Outcome]] = []
    source, sink = ListSource([window([b'{"text": "a"}', b'{"text": "b"}'])]), ListSink(refusals=1)
    run(source, sink, *model_and_tokenizer, review=review_last, circuit_breaker=counted.append)
    ((_, outcomes),) = sink.delivered
    assert [(outcome.topic, outcome.index) for outcome in outcomes] == [("out", 0), ("out", 1), ("reviews", 1)]
    assert counted == [outcomes[:2]]


def test_nothing_leaves_for_a_record_that_is_skipped_and_the_others_keep_their_order(
    model_and_tokenizer: tuple[Model, Tokenizer],
) -> None:
    values = [b'{"text": "%s"}' % (b"word " * (10 - index)) for index in range(10)]
    placeholder = b'{"text": "__debezium_unavailable_value"}'
    mixed: list[bytes | None] = [*values[:3], placeholder, *values[4:8], None, placeholder]
    sink = ListSink()
    run(ListSource([window(mixed), window([placeholder])]), sink, *model_and_tokenizer)
    (_, outcomes), (last, nothing) = sink.delivered
    assert [outcome.index for outcome in outcomes] == [0, 1, 2, 4, 5, 6, 7, 8]
    assert (nothing, last.next_offsets) == ([], {Partition("in", 0): 1})


def test_a_record_without_an_outcome_that_was_not_skipped_is_a_defect() -> None:
    made = [Outcome(index, "out", 0, None, b"", [], None) for index in (2, 0)]
    assert [outcome.index for outcome in in_order(made, 3, {1})] == [0, 2]
    for skipped in (set(), {0}, {1, 2}):
        with pytest.raises(RuntimeError, match="2 outcomes"):
            in_order(made, 3, skipped)


def test_a_window_that_was_not_delivered_is_read_again(
    model_and_tokenizer: tuple[Model, Tokenizer], caplog: pytest.LogCaptureFixture
) -> None:
    source, sink = ListSource([window([b'{"text": "a"}']), window([b'{"text": "b"}'])]), ListSink(refusals=2)
    with caplog.at_level(logging.WARNING):
        run(source, sink, *model_and_tokenizer)
    assert source.rewound == 2
    assert [delivered for delivered, _ in sink.delivered] == source.windows
    own = [record.message for record in caplog.records if record.name == "worker.loop"]
    assert own == ["window_not_delivered"] * 2


def test_a_window_that_is_never_delivered_is_said_to_be_stuck(
    model_and_tokenizer: tuple[Model, Tokenizer], caplog: pytest.LogCaptureFixture
) -> None:
    source, sink = ListSource([window([b'{"text": "a"}']), window([b'{"text": "b"}'])]), ListSink(refusals=7)
    run(source, sink, *model_and_tokenizer)
    sink.refusals, source.next = 4, 1
    run(source, sink, *model_and_tokenizer)  # after a delivery it is counted anew
    stuck = [record.__dict__ for record in caplog.records if record.message == "window_stuck"]
    assert [(each["attempts"], each["error"]) for each in stuck] == [(5, "refused"), (6, "refused"), (7, "refused")]


def test_positions_that_moved_without_records_are_delivered_too(model_and_tokenizer: tuple[Model, Tokenizer]) -> None:
    moved = Window([], {Partition("in", 0): 5}, None)
    sink = ListSink()
    run(ListSource([Window([], {}, None), moved]), sink, *model_and_tokenizer)
    assert sink.delivered == [(moved, [])]
