"""What is measured of windows that come and go, on stages that are made up."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from schemas.emotion_label import Source as Origin
from schemas.manifest import DriftReference, Histogram
from schemas.review_record import ReviewReason
from worker import loop
from worker.errors import NotDeliveredError, RegistryAwayError
from worker.flow import (
    Attention,
    Batch,
    Lag,
    ModelInfo,
    Outcome,
    Partition,
    Prediction,
    Record,
    Rejected,
    Request,
    Reviews,
    SourceStatus,
    TokenizedText,
    Window,
)
from worker.model.score_cache import ScoreCache
from worker.observe.drift_alarm import DriftAlarm
from worker.observe.health import Health, Heartbeat
from worker.observe.instrumentation import Instrumentation
from worker.observe.label_counter import LabelCounter, show_model
from worker.observe.metrics import Meters
from worker.observe.window_counter import WindowCounter

UNKNOWN = 1
NO_LAG = Lag(0, 0.0)
P0, P1 = Partition("in", 0), Partition("in", 1)
OF_P0, OF_P1 = ({"topic": "in", "partition": number} for number in ("0", "1"))


class MadeUp:
    """Source, sink and model in one: texts of three tokens, all `glad`; `standing_now` and `refuse` are for tests."""

    info = ModelInfo("m", "sha256:0", ["sad", "glad"], confident_score=0.95)
    device, dtype = "cpu", "float32"
    drift_reference: DriftReference | None = DriftReference(
        labels={"sad": 0.5, "glad": 0.5},
        scores=Histogram(edges=[0, 0.5, 1], shares=[0.5, 0.5]),
        tokens=Histogram(edges=[0, 4, 512], shares=[0.5, 0.5]),
        unknown_token_share=0,
    )

    def __init__(self) -> None:
        self.refuse = False
        self.standing_now = SourceStatus(True, 1, time.monotonic(), {P0: NO_LAG, P1: NO_LAG}, True, 2)
        self.windows: list[Window] = []

    def memory_bytes(self) -> int:
        return 42

    def poll(self) -> Window:
        return self.windows.pop(0)

    def rewind(self) -> None:
        """There is nothing to go back to."""

    def status(self) -> SourceStatus:
        return self.standing_now

    def settle(self) -> None:
        """Nothing is ever left open."""

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        if self.refuse:
            raise NotDeliveredError(f"{len(outcomes)} outcomes for {len(window.records)} records refused")

    def decode(self, records: list[Record]) -> tuple[list[Request], list[Any]]:
        return [Request(index, str(index), "text", record.origin) for index, record in enumerate(records)], []

    def tokenize(self, requests: list[Request]) -> list[TokenizedText]:
        return [TokenizedText([request], [5, UNKNOWN, 6], truncated=False) for request in requests]

    def plan(self, texts: list[TokenizedText]) -> list[Batch]:
        return [[[text] for text in texts]] if texts else []

    def predict(self, batches: Iterable[Batch]) -> list[Prediction | Rejected]:
        return [
            Prediction(r, 3, False, [0.1, 0.9]) for b in batches for row in b for text in row for r in text.requests
        ]

    def encode(self, records: list[Record], answers: Iterable[Any]) -> list[Outcome]:
        indexes = [answer.request.index for answer in answers]
        return [Outcome(index, "out", records[index].origin.partition, b"", b"", [], None) for index in indexes]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def parts() -> MadeUp:
    return MadeUp()


@pytest.fixture
def attention() -> Attention:
    return Attention()


@pytest.fixture
def heartbeat() -> Heartbeat:
    return Heartbeat()


@pytest.fixture
def measure(
    parts: MadeUp,
    registry: CollectorRegistry,
    heartbeat: Heartbeat,
    attention: Attention,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., loop.Stages]:
    """Gives the parts as stages, some of them replaced by the arguments, and measured."""
    monkeypatch.setattr("worker.observe.instrumentation._REFRESH_SECONDS", 0)
    meters = Meters("loop", registry)
    show_model(meters, parts)
    counter = WindowCounter(meters, LabelCounter(meters, parts, UNKNOWN), "dead", DriftAlarm(0.1, 5, attention))
    inner = loop.Stages(
        source=parts,
        decode=parts.decode,
        tokenize=parts.tokenize,
        plan=parts.plan,
        predict=parts.predict,
        encode=parts.encode,
        circuit_breaker=lambda _: None,
        sink=parts,
    )

    def measured(**others: Any) -> loop.Stages:
        return Instrumentation(
            replace(inner, **others), parts, counter, meters, heartbeat, longest_turn_seconds=60
        ).stages()

    return measured


@pytest.fixture
def stages(measure: Callable[..., loop.Stages]) -> loop.Stages:
    return measure()


def window(count: int, partition: int = 0, age_seconds: float = 100) -> Window:
    stamp = int((time.time() - age_seconds) * 1000)
    records = [Record(Origin("in", partition, offset, stamp), b"k", b"v", []) for offset in range(count)]
    return Window(records, {Partition("in", partition): count}, None)


def run(stages: loop.Stages, parts: MadeUp, *windows: Window) -> None:
    parts.windows = list(windows)
    loop.run(stages, lambda: not parts.windows, lambda: None)


EMPTY = Window([], {}, None)


def test_a_window_that_was_not_delivered_counts_as_an_abort_and_not_as_labels(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry
) -> None:
    parts.refuse = True
    run(stages, parts, window(10))
    parts.refuse = False
    run(stages, parts, window(10))
    value = registry.get_sample_value
    assert (value("emotion_aborts_total"), value("emotion_commits_total")) == (1, 1)
    assert value("emotion_records_total") == 20
    assert value("emotion_labels_total", {"label": "glad"}) == value("emotion_not_confident_total") == 10
    assert value("emotion_labels_total", {"label": "sad"}) == 0


def test_texts_that_left_for_review_are_counted_by_reason_once_they_are_delivered(
    measure: Callable[..., loop.Stages], parts: MadeUp, registry: CollectorRegistry
) -> None:
    outcome = Outcome(0, "reviews", 0, b"", b"", [], None)
    reviews = Reviews([outcome], {"random": 1, "close": 1}, held_back=3)
    stages = measure(review=lambda *_: reviews)
    parts.refuse = True
    run(stages, parts, window(10))
    parts.refuse = False
    run(stages, parts, window(10), window(10))
    value = registry.get_sample_value
    shown = {reason: value("emotion_reviews_total", {"reason": reason}) for reason in ReviewReason}
    assert shown == {"random": 2, "close": 2, "not_confident": 0, "rare_label": 0, "disagreement": 0}
    assert value("emotion_reviews_held_back_total") == 6
    assert (value("emotion_tombstones_total"), value("emotion_labels_total", {"label": "glad"})) == (0, 20)


@pytest.mark.parametrize(
    ("thresholds", "given", "not_confident"),
    [([0.1, 0.9], [10, 10], 0), ([0.1, 0.95], [10, 0], 0), ([0.11, 0.95], [0, 0], 10), (None, [None, None], 0)],
)
def test_each_label_that_a_multi_label_model_gives_is_counted_and_a_text_without_one_is_not_confident(
    thresholds: list[float] | None,
    given: list[float | None],
    not_confident: int,
    parts: MadeUp,
    registry: CollectorRegistry,
    request: pytest.FixtureRequest,
) -> None:
    parts.info = ModelInfo("m", "sha256:0", ["sad", "glad"], None, thresholds)
    run(request.getfixturevalue("stages"), parts, window(10))
    value = registry.get_sample_value
    assert [value("emotion_labels_given_total", {"label": label}) for label in ("sad", "glad")] == given
    assert value("emotion_not_confident_total") == not_confident
    assert [value("emotion_labels_total", {"label": label}) for label in ("sad", "glad")] == [0, 10]
    assert value("emotion_score_sum") == pytest.approx(9)


def test_attempts_at_one_window_are_counted_until_it_is_delivered(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry
) -> None:
    parts.refuse = True
    for attempts in (1, 2, 3):
        run(stages, parts, window(10))
        assert registry.get_sample_value("emotion_undelivered_attempts") == attempts
    parts.refuse = False
    run(stages, parts, window(10))
    assert registry.get_sample_value("emotion_undelivered_attempts") == 0


def test_a_window_that_waits_for_the_schema_registry_is_an_attempt_and_seen_until_it_is_decoded(
    measure: Callable[..., loop.Stages], parts: MadeUp, registry: CollectorRegistry, heartbeat: Heartbeat
) -> None:
    def decode(records: list[Record]) -> tuple[list[Request], list[Any]]:
        if len(records) > 1:
            raise RegistryAwayError("no schema registry answers")
        return parts.decode(records)

    stages = measure(decode=decode)
    run(stages, parts, window(2), window(3))
    since = heartbeat.registry_away_at
    assert (since > 0, registry.get_sample_value("emotion_undelivered_attempts")) == (True, 2)
    run(stages, parts, window(2))
    assert heartbeat.registry_away_at == since
    run(stages, parts, window(1))
    assert (heartbeat.registry_away_at, registry.get_sample_value("emotion_undelivered_attempts")) == (0, 0)


def test_texts_that_the_cache_answers_are_counted_and_are_no_work_of_the_model(
    measure: Callable[..., loop.Stages], parts: MadeUp, registry: CollectorRegistry
) -> None:
    cache = ScoreCache(parts.predict, parts.plan, max_texts=10)
    run(measure(plan=cache.plan, predict=cache.predict), parts, window(3), window(4))
    value = registry.get_sample_value
    assert value("emotion_labels_total", {"label": "glad"}) == 7
    assert (value("emotion_cache_hits_total"), value("emotion_deduplicated_total")) == (4, 0)
    assert (value("emotion_batch_texts_sum"), value("emotion_tokens_total")) == (3, 9)


def test_lag_is_shown_in_records_and_seconds_once_it_is_known(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry
) -> None:
    parts.standing_now = SourceStatus(True, 1, 0, {P0: Lag(7, 100.0), P1: None}, False, 2)
    run(stages, parts, window(3))
    value = registry.get_sample_value
    assert [value("emotion_lag_records", each) for each in (OF_P0, OF_P1)] == [7, None]
    assert value("emotion_lag_seconds", OF_P0) == 100
    assert value("emotion_partitions") == value("emotion_input_partitions") == 2


def test_lag_is_shown_anew_while_a_window_is_labelled(
    parts: MadeUp, measure: Callable[..., loop.Stages], registry: CollectorRegistry
) -> None:
    shown = []

    def predict(batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        for prediction in parts.predict(batches):
            shown.append(registry.get_sample_value("emotion_lag_records", OF_P0))
            parts.standing_now = SourceStatus(True, 1, 0, {P0: Lag(len(shown), 1.0)}, False, 2)
            yield prediction

    run(measure(predict=predict), parts, window(3))
    assert shown == [None, 1, 2]


def test_a_partition_that_was_given_away_has_no_lag_here(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry
) -> None:
    parts.standing_now = SourceStatus(True, 1, 0, {P0: Lag(7, 1.0), P1: Lag(9, 1.0)}, False, 2)
    run(stages, parts, window(3))
    parts.standing_now = SourceStatus(True, 2, 0, {P1: Lag(9, 1.0)}, False, 2)
    run(stages, parts, EMPTY)
    value = registry.get_sample_value
    assert [value("emotion_lag_records", each) for each in (OF_P0, OF_P1)] == [0, 9]
    assert (value("emotion_partitions"), value("emotion_rebalances_total")) == (1, 2)


def test_who_is_no_member_shows_the_lag_that_it_knew_and_reads_no_partition(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry
) -> None:
    run(stages, parts, window(3))
    parts.standing_now = SourceStatus(False, 1, 0, {P0: Lag(7, 60.0), P1: NO_LAG}, False, 2)
    run(stages, parts, EMPTY)
    value = registry.get_sample_value
    assert (value("emotion_lag_records", OF_P0), value("emotion_lag_seconds", OF_P0)) == (7, 60)
    assert (value("emotion_partitions"), value("emotion_input_partitions")) == (0, 2)


def test_drift_is_shown_once_there_are_enough_records_and_then_more_is_reviewed(
    stages: loop.Stages, parts: MadeUp, registry: CollectorRegistry, attention: Attention
) -> None:
    run(stages, parts, window(999))
    assert registry.get_sample_value("emotion_drift", {"feature": "labels"}) is None
    assert attention.factor == 1
    run(stages, parts, window(1))
    for feature in ("labels", "scores", "tokens", "unknown_tokens"):
        assert (registry.get_sample_value("emotion_drift", {"feature": feature}) or 0) > 0.3, feature
    assert attention.factor == 5


def test_a_worker_is_ready_once_nothing_is_left_to_read_or_something_was_delivered(
    stages: loop.Stages, parts: MadeUp, heartbeat: Heartbeat
) -> None:
    health = Health([heartbeat], lambda: False)
    parts.standing_now = SourceStatus(True, 1, time.monotonic(), {P0: Lag(5, 1.0)}, False, 2)
    run(stages, parts, EMPTY)
    assert health.not_ready() == ["offsets: there is lag, and none was committed yet"]
    run(stages, parts, window(1))
    assert health.not_ready() == []


def test_who_is_no_member_is_not_ready(stages: loop.Stages, parts: MadeUp, heartbeat: Heartbeat) -> None:
    parts.standing_now = SourceStatus(False, 0, time.monotonic(), {}, False, 0)
    run(stages, parts, EMPTY)
    assert Health([heartbeat], lambda: False).not_ready() == ["group: not a member yet"]


def test_answers_are_signs_of_life_too_for_batches_are_asked_for_ahead(
    parts: MadeUp, measure: Callable[..., loop.Stages], heartbeat: Heartbeat
) -> None:
    due = []

    def predict(batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        for prediction in parts.predict(batches):
            heartbeat.due_at = 0
            yield prediction
            due.append(heartbeat.due_at)

    run(measure(predict=predict), parts, window(3))
    assert len(due) == 3
    assert all(due)
