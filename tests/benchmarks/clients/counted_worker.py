"""`emotion-worker run` without tokenizer and model: `python -m tests.benchmarks.clients.counted_worker run`.

What stands in for the two is taken off its CPU; all the rest is real, metrics included.
"""

import sys
import time
from collections.abc import Iterable, Sequence

from tests.benchmarks.clients.cpu_notes import CpuNotes
from worker.__main__ import main
from worker.flow import Batch, Outcome, Prediction, Request, TokenizedText
from worker.guard import RejectionGuard
from worker.model import Model
from worker.source import Source
from worker.tokenizer import Tokenizer

_IDS = [2000] * 24  # a tweet's


class _Counted:
    def __init__(self) -> None:
        self._notes = CpuNotes()
        self._records = 0
        self._apart_seconds = 0.0

    def tokenize(self, requests: Iterable[Request]) -> list[TokenizedText]:
        started = time.thread_time()
        texts = [TokenizedText([request], _IDS, truncated=False) for request in requests]
        self._apart_seconds += time.thread_time() - started
        return texts

    def predict(self, model: Model, batches: Iterable[Batch]) -> list[Prediction]:
        planned = list(batches)
        started = time.thread_time()
        labels = len(model.info.labels)
        scores = [round(1 / labels, 6)] * labels
        predictions = [Prediction(text.requests[0], len(_IDS), False, scores) for batch in planned for text in batch]
        self._apart_seconds += time.thread_time() - started
        return predictions

    def assigned(self) -> None:
        if not self._records:
            self._notes.note(0)

    def delivered(self, outcomes: Sequence[Outcome]) -> None:
        self._records += len(outcomes)
        self._notes.note(self._records, self._apart_seconds)


if __name__ == "__main__":
    counted = _Counted()
    guard, settle = RejectionGuard.__call__, Source._settle
    Tokenizer.tokenize = lambda _, requests: counted.tokenize(requests)  # type: ignore[method-assign]
    Model.predict = lambda model, batches: counted.predict(model, batches)  # type: ignore[method-assign, assignment, return-value]
    RejectionGuard.__call__ = lambda own, outcomes: (guard(own, outcomes), counted.delivered(outcomes))  # type: ignore[method-assign, assignment, func-returns-value]
    Source._settle = lambda own, membership: (settle(own, membership), counted.assigned())  # type: ignore[method-assign, assignment, func-returns-value]
    sys.exit(main())
