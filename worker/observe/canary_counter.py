"""Counts what two models say of one stream, each for itself and both together."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from worker.flow import Batch, Prediction, Rejected, TokenizedText, width
from worker.observe.canary_metrics import CANARY_SHARE, MODEL_FAILED, MODEL_PREDICT_SECONDS, MODEL_TOKENS
from worker.observe.label_counter import LabelCounter, MeasuredModel
from worker.observe.metrics import Meters

Predict = Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]


class TwoModelsCounter:
    """Stands in for the counter of one model."""

    def __init__(self, live: LabelCounter, canary: LabelCounter, is_canary: Callable[[int], bool]) -> None:
        """Prepare; `is_canary` says of a record of the window at hand, by its index, which model has it."""
        self._live = live
        self._canary = canary
        self._is_canary = is_canary

    def add(self, predictions: list[Prediction], texts: list[TokenizedText]) -> None:
        """Count the labels of these predictions; `texts` are all that were looked at."""
        for counter, is_canary in ((self._live, False), (self._canary, True)):
            counter.add(
                [each for each in predictions if self._is_canary(each.request.index) == is_canary],
                [each for each in texts if self._is_canary(each.requests[0].index) == is_canary],
            )

    def publish(self) -> Mapping[str, float]:
        """Bring what changes slowly up to date; gives the distance of each feature, of both models."""
        return {**self._live.publish(), **self._canary.publish()}


def show_canary(meters: Meters, model: MeasuredModel, share: float) -> None:
    """Say which model is the canary, and how much it labels."""
    info = model.info
    meters[CANARY_SHARE].labels(info.name, info.revision, str(model.device), str(model.dtype)).set(share)


def measured(meters: Meters, role: str, predict: Predict) -> Predict:
    """The same `predict`, of which time, tokens and failures are counted."""
    seconds, tokens = meters[MODEL_PREDICT_SECONDS].labels(role), meters[MODEL_TOKENS].labels(role)
    failed = meters[MODEL_FAILED].labels(role)

    def counted(batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            tokens.inc(sum(map(width, batch)))
            yield batch

    def measured_predict(batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        started = time.perf_counter()
        for answer in predict(counted(batches)):
            if isinstance(answer, Rejected):
                failed.inc()
            yield answer
        seconds.observe(time.perf_counter() - started)

    return measured_predict
