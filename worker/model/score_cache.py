"""Scores of texts that came before, for streams that say the same thing again and again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from worker.flow import Batch, Prediction, Rejected, TokenizedText

_MAX_CHARACTERS = 1_000  # what is said again is short; so the cache is bounded in bytes too

Predict = Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
Plan = Callable[[list[TokenizedText]], Iterable[Batch]]


class ScoreCache:
    """Stands before the model, one window at a time, and answers what it remembers; so batches hold new texts only.

    It forgets what was asked for least recently.
    """

    def __init__(self, predict: Predict, plan: Plan, max_texts: int) -> None:
        """Start empty.

        Args:
            predict: The model.
            plan: Makes batches of texts.
            max_texts: How many texts are remembered at most.
        """
        self._predict = predict
        self._plan = plan
        self._max_texts = max_texts
        self._known: OrderedDict[str, Prediction] = OrderedDict()
        self._answers: list[Prediction] = []

    def plan(self, tokenized: list[TokenizedText]) -> Iterable[Batch]:
        """Batches of what the model has to see; the others are answered by the next `predict`."""
        self._answers = []
        unknown = []
        for item in tokenized:
            text = item.requests[0].text
            known = self._known.get(text)
            if known is None:
                unknown.append(item)
                continue
            self._known.move_to_end(text)
            self._answers += [Prediction(r, known.tokens, known.truncated, known.scores) for r in item.requests]
        return self._plan(unknown)

    def predict(self, batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        """What the model says of the batches, and what is remembered of the rest of their window."""
        for prediction in self._predict(batches):
            self._remember(prediction)
            yield prediction
        yield from self._answers  # `batches` may have been planned only while the model asked for them

    def _remember(self, prediction: Prediction | Rejected) -> None:
        if isinstance(prediction, Prediction) and len(prediction.request.text) <= _MAX_CHARACTERS:
            self._known[prediction.request.text] = prediction
            if len(self._known) > self._max_texts:
                self._known.popitem(last=False)
