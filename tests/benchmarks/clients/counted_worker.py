"""`emotion-worker run` without tokenizer and model: `python -m tests.benchmarks.clients.counted_worker run`.

What stands in for the two is taken off its CPU; all the rest is real, metrics included. Texts that are in no record,
such as those of the model's golden set, go to the model itself.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from tests.benchmarks.clients.cpu_notes import CpuNotes
from worker.__main__ import main
from worker.circuit_breaker import CircuitBreaker
from worker.flow import Batch, Outcome, Prediction, Rejected, Request, TokenizedText
from worker.kafka.source import Source
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer

_IDS = [2000] * 24  # a tweet's
_tokenize, _predict = Tokenizer.tokenize, Model.predict


class _Counted:
    def __init__(self) -> None:
        self._notes = CpuNotes()
        self._records = 0
        self._apart_seconds = 0.0

    def tokenize(self, tokenizer: Tokenizer, requests: Iterable[Request]) -> list[TokenizedText]:
        asked = list(requests)
        if asked and asked[0].source is None:
            return _tokenize(tokenizer, asked)
        started = time.thread_time()
        texts = [TokenizedText([request], _IDS, truncated=False) for request in asked]
        self._apart_seconds += time.thread_time() - started
        return texts

    def predict(self, model: Model, batches: Iterable[Batch]) -> list[Prediction | Rejected]:
        planned = list(batches)
        if planned and planned[0][0][0].requests[0].source is None:
            return list(_predict(model, planned))
        started = time.thread_time()
        labels = len(model.info.labels)
        scores = [round(1 / labels, 6)] * labels
        predictions: list[Prediction | Rejected] = [
            Prediction(text.requests[0], len(_IDS), False, scores) for batch in planned for row in batch for text in row
        ]
        self._apart_seconds += time.thread_time() - started
        return predictions

    def assigned(self) -> None:
        if not self._records:
            self._notes.note(0)

    def delivered(self, outcomes: Sequence[Outcome]) -> None:
        self._records += len(outcomes)
        self._notes.note(self._records, self._apart_seconds)


def _install(counted: _Counted) -> None:
    circuit_breaker, settle = CircuitBreaker.__call__, Source._settle

    def guarded(own: CircuitBreaker, outcomes: Sequence[Outcome]) -> None:
        circuit_breaker(own, outcomes)
        counted.delivered(outcomes)

    def settled(own: Source, membership: Any) -> None:
        settle(own, membership)
        counted.assigned()

    stand_ins: list[tuple[type, str, object]] = [
        (Tokenizer, "tokenize", lambda tokenizer, requests: counted.tokenize(tokenizer, requests)),
        (Model, "predict", lambda model, batches: counted.predict(model, batches)),
        (CircuitBreaker, "__call__", guarded),
        (Source, "_settle", settled),
    ]
    for owner, name, stand_in in stand_ins:
        setattr(owner, name, stand_in)


if __name__ == "__main__":
    _install(_Counted())
    sys.exit(main())
