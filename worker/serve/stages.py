"""From a window of texts to answers, in the model's thread; measured, with signs of life."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from worker.flow import Batch, Prediction, Rejected, Request, TokenizedText
from worker.observe.batch_counter import counted
from worker.observe.health import PATIENCE_SECONDS, Heartbeat
from worker.observe.label_counter import LabelCounter
from worker.observe.metrics import Meters
from worker.observe.runtime_metrics import STAGE_SECONDS
from worker.observe.stream_metrics import CACHE_HITS, DEDUPLICATED

_REFRESH_SECONDS = 1.0  # of gauges: nobody scrapes more often


@dataclass
class ServeStages:
    """The stages between a text and its scores, as the worker's loop takes them."""

    tokenize: Callable[[list[Request]], list[TokenizedText]]
    plan: Callable[[list[TokenizedText]], Iterable[Batch]]
    predict: Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
    plan_raw: Callable[[list[TokenizedText]], Iterable[Batch]]
    predict_raw: Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
    meters: Meters
    labels: LabelCounter
    heartbeat: Heartbeat
    _refresh_at: float = 0.0

    def answers(self, requests: list[Request], is_raw: bool) -> Iterator[Prediction | Rejected]:
        """Each as soon as it is there, in any order. Raw scores are no labels, and are not counted as such."""
        plan, predict = (self.plan_raw, self.predict_raw) if is_raw else (self.plan, self.predict)
        with self._timed("tokenize"):
            texts = self.tokenize(requests)
        predictions: list[Prediction] = []
        with self._timed("predict"):
            for answer in predict(self._batches(plan, texts)):
                self.heartbeat.expect(PATIENCE_SECONDS)
                if isinstance(answer, Prediction):
                    predictions.append(answer)
                yield answer
        self.heartbeat.rest()
        self.meters[DEDUPLICATED].inc(len(requests) - len(texts))
        if not is_raw:
            self.labels.add(predictions, texts)
        if (now := time.monotonic()) >= self._refresh_at:
            self._refresh_at = now + _REFRESH_SECONDS
            self.labels.publish()

    def _batches(
        self, plan: Callable[[list[TokenizedText]], Iterable[Batch]], texts: list[TokenizedText]
    ) -> Iterator[Batch]:
        computed = 0
        for batch, count in counted(self.meters, plan(texts)):
            self.heartbeat.expect(PATIENCE_SECONDS)
            computed += count
            yield batch
        self.meters[CACHE_HITS].inc(len(texts) - computed)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        self.heartbeat.expect(PATIENCE_SECONDS)
        started = time.perf_counter()
        yield
        self.meters[STAGE_SECONDS].labels(stage).observe(time.perf_counter() - started)
