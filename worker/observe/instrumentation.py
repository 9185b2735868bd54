"""Measures the stages of a loop from outside: the only place that does, so that they need not know."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from worker import flow, loop
from worker.errors import NotDeliveredError, OutcomesRefusedError, RegistryAwayError
from worker.observe import health
from worker.observe.batch_counter import counted
from worker.observe.health import Heartbeat
from worker.observe.metrics import Meters
from worker.observe.runtime_metrics import STAGE_SECONDS, WINDOW_RECORDS, WINDOW_TOKENS
from worker.observe.stream_metrics import (
    ABORTS,
    COMMITS,
    INPUT_PARTITIONS,
    LAG_RECORDS,
    LAG_SECONDS,
    PARTITIONS,
    REBALANCES,
    RECORDS,
    UNDELIVERED_ATTEMPTS,
)
from worker.observe.window_counter import WindowContents

_STAGES = ("poll", "decode", "tokenize", "predict", "encode", "review", "deliver")
_REFRESH_SECONDS = 1.0  # of gauges: nobody scrapes more often


class ObservedSource(loop.Source, Protocol):
    """A source that knows where it stands."""

    def status(self) -> flow.SourceStatus:
        """Where it stands."""


class DeliveryCounter(Protocol):
    """Counts windows that were delivered."""

    def add(self, contents: WindowContents) -> None:
        """Count one."""

    def publish(self) -> None:
        """Bring what changes slowly up to date."""


class Instrumentation:
    """Stands in for source, stages and sink of a loop; passes everything on, and takes the time.

    `heartbeat` hears from it before every stage and every batch, so that whoever looks knows whether the loop gets on.
    """

    def __init__(
        self,
        stages: loop.Stages,
        source: ObservedSource,
        counter: DeliveryCounter,
        meters: Meters,
        heartbeat: Heartbeat,
        longest_turn_seconds: float,
    ) -> None:
        """Wrap a loop whose model is loaded.

        Args:
            stages: What is measured.
            source: Says where it stands.
            counter: Counts the windows that were delivered.
            meters: Where figures go.
            heartbeat: Where signs of life go.
            longest_turn_seconds: How long polling or delivering may take while brokers are away.
        """
        self._inner = stages
        self._source = source
        self._counter = counter
        self._meters = meters
        self._heartbeat = heartbeat
        self._longest_turn_seconds = longest_turn_seconds
        self._stage_seconds = {stage: meters[STAGE_SECONDS].labels(stage) for stage in _STAGES}
        self._contents = WindowContents()
        self._generations = 0
        self._shown: set[flow.Partition] = set()
        self._refresh_at = 0.0
        heartbeat.loaded_at = time.monotonic()

    def stages(self) -> loop.Stages:
        """The same stages, measured."""
        return loop.Stages(
            source=self,
            decode=self._decode,
            tokenize=self._tokenize,
            plan=self._plan,
            predict=self._predict,
            encode=self._encode,
            circuit_breaker=self._inner.circuit_breaker,
            sink=self,
            review=self._review,
            order=self._inner.order,
        )

    def poll(self) -> flow.Window:
        """The next window."""
        self._heartbeat.expect(self._longest_turn_seconds)
        started = time.perf_counter()
        window = self._inner.source.poll()
        self._contents = WindowContents(window.records)
        if window.records:
            self._stage_seconds["poll"].observe(time.perf_counter() - started)
            self._meters[RECORDS].inc(len(window.records))
            self._meters[WINDOW_RECORDS].observe(len(window.records))
        elif not window:
            self._look_around()
        return window

    def rewind(self) -> None:
        """Start again at the committed offsets."""
        self._inner.source.rewind()

    def settle(self) -> None:
        """End what a failed delivery may have left open."""
        self._heartbeat.expect(self._longest_turn_seconds)
        try:
            self._inner.sink.settle()
        except NotDeliveredError:
            self._meters[UNDELIVERED_ATTEMPTS].inc()
            self._keep_shown()
            raise

    def deliver(self, window: flow.Window, outcomes: list[flow.Outcome]) -> None:
        """Send and commit."""
        self._heartbeat.expect(self._longest_turn_seconds)
        started = time.perf_counter()
        try:
            self._inner.sink.deliver(window, outcomes)
        except NotDeliveredError as error:
            self._meters[ABORTS].inc()
            if not isinstance(error, OutcomesRefusedError):
                self._meters[UNDELIVERED_ATTEMPTS].inc()
            raise
        self._meters[COMMITS].inc()
        self._meters[UNDELIVERED_ATTEMPTS].set(0)
        now = time.monotonic()
        self._heartbeat.joined_at = self._heartbeat.heard_at = self._heartbeat.advanced_at = now
        if window.records:
            self._stage_seconds["deliver"].observe(time.perf_counter() - started)
            self._counter.add(self._contents)
        if now >= self._refresh_at:
            self._look_around()

    def _decode(self, records: list[flow.Record]) -> flow.Decoded:
        try:
            with self._timed("decode"):
                requests, others = self._inner.decode(records)
        except RegistryAwayError:
            self._meters[UNDELIVERED_ATTEMPTS].inc()
            self._heartbeat.registry_away_at = self._heartbeat.registry_away_at or time.monotonic()
            raise
        self._heartbeat.registry_away_at = 0.0
        self._contents.skipped = Counter(other.reason for other in others if isinstance(other, flow.Skipped))
        return requests, others

    def _tokenize(self, requests: list[flow.Request]) -> list[flow.TokenizedText]:
        with self._timed("tokenize"):
            texts = self._inner.tokenize(requests)
        if requests:
            self._meters[WINDOW_TOKENS].observe(sum([len(text.ids) for text in texts]))
        self._contents.requests, self._contents.texts = len(requests), texts
        return texts

    def _plan(self, texts: list[flow.TokenizedText]) -> Iterator[flow.Batch]:
        for batch, computed in counted(self._meters, self._inner.plan(texts)):
            self._heartbeat.expect(health.PATIENCE_SECONDS)
            self._contents.computed += computed
            yield batch

    def _predict(self, batches: Iterable[flow.Batch]) -> list[flow.Prediction | flow.Rejected]:
        predictions = []
        with self._timed("predict"):
            for prediction in self._inner.predict(batches):
                self._heartbeat.expect(health.PATIENCE_SECONDS)  # several batches are asked for ahead
                predictions.append(prediction)
                self._keep_shown()
        return predictions

    def _encode(self, records: list[flow.Record], answers: Iterable[flow.Answer]) -> list[flow.Outcome]:
        answers = list(answers)
        self._contents.predictions = [answer for answer in answers if isinstance(answer, flow.Prediction)]
        with self._timed("encode"):
            return self._inner.encode(records, answers)

    def _review(
        self, records: list[flow.Record], answers: Sequence[flow.Answer], outcomes: list[flow.Outcome]
    ) -> flow.Reviews:
        with self._timed("review"):
            reviews = self._inner.review(records, answers, outcomes)
        self._contents.outcomes, self._contents.reviews = outcomes, reviews
        return reviews

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        self._heartbeat.expect(health.PATIENCE_SECONDS)
        started = time.perf_counter()
        yield
        if self._contents.records:
            self._stage_seconds[stage].observe(time.perf_counter() - started)

    def _look_around(self) -> None:
        """Nothing is in flight: see where the source stands, and from time to time show it."""
        status = self._source.status()
        now = time.monotonic()
        self._heartbeat.heard_at = max(self._heartbeat.heard_at, status.heard_at)
        if status.is_member:
            self._heartbeat.joined_at = now
        if status.at_end:
            self._heartbeat.advanced_at = now
            self._heartbeat.registry_away_at = 0.0  # others have what waited
        self._meters[REBALANCES].inc(status.generations - self._generations)
        if status.generations != self._generations or not status.lags:  # another window, or none
            self._meters[UNDELIVERED_ATTEMPTS].set(0)
        self._generations = status.generations
        if now >= self._refresh_at:
            self._show(status)

    def _keep_shown(self) -> None:
        """Lag grows also while a window is labelled, or cannot be delivered."""
        if time.monotonic() >= self._refresh_at:
            self._show(self._source.status())

    def _show(self, status: flow.SourceStatus) -> None:
        self._refresh_at = time.monotonic() + _REFRESH_SECONDS
        given_away = dict.fromkeys(self._shown - status.lags.keys(), flow.Lag(0, 0.0))
        for partition, lag in (given_away | dict(status.lags)).items():
            if lag is not None:
                self._meters[LAG_RECORDS].labels(*partition).set(lag.records)
                self._meters[LAG_SECONDS].labels(*partition).set(lag.seconds)
        self._shown = set(status.lags)
        self._meters[PARTITIONS].set(len(status.lags) if status.is_member else 0)
        self._meters[INPUT_PARTITIONS].set(status.input_partitions)
        self._counter.publish()
