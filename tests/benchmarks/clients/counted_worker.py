"""`emotion-worker run` without tokenizer and model: `python -m tests.benchmarks.clients.counted_worker run`.

What stands in for the two is taken off its CPU; all the rest is real, metrics included.
"""

import sys
import time
from collections.abc import Iterable

from tests.benchmarks.clients.cpu_notes import CpuNotes
from worker.__main__ import main
from worker.flow import Batch, Prediction, Request, TokenizedText
from worker.model import Model
from worker.tokenizer import Tokenizer

_IDS = [2000] * 24  # a tweet's
_notes = CpuNotes()
_records = 0
_apart_seconds = 0.0


def _tokenize(_: Tokenizer, requests: Iterable[Request]) -> list[TokenizedText]:
    global _apart_seconds
    started = time.thread_time()
    texts = [TokenizedText([request], _IDS, truncated=False) for request in requests]
    _apart_seconds += time.thread_time() - started
    return texts


def _predict(model: Model, batches: Iterable[Batch]) -> list[Prediction]:
    global _apart_seconds, _records
    _notes.note(_records, _apart_seconds)  # what was delivered before
    planned = list(batches)
    started = time.thread_time()
    labels = len(model.info.labels)
    scores = [round(1 / labels, 6)] * labels
    predictions = [Prediction(text.requests[0], len(_IDS), False, scores) for batch in planned for text in batch]
    _apart_seconds += time.thread_time() - started
    _records += len(predictions)
    return predictions


if __name__ == "__main__":
    Tokenizer.tokenize = _tokenize  # type: ignore[method-assign]
    Model.predict = _predict  # type: ignore[method-assign, assignment]
    sys.exit(main())
