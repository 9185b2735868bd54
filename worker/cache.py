"""Scores of texts that came before, for streams that say the same thing again and again."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from worker.flow import Batch, Prediction, Rejected, TokenizedText

_MAX_CHARACTERS = 1_000  # what is said again is short; so the cache is bounded in bytes too

Predict = Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
Plan = Callable[[list[TokenizedText]], Iterable[Batch]]


class ScoreCache:
    """Stands before the model and answers what it remembers; forgets what was asked for least recently.

    `hits` and `misses` count texts, each once a window however often the window holds it.
    """

    def __init__(self, predict: Predict, plan: Plan, max_texts: int) -> None:
        """Start empty.

        Args:
            predict: The model.
            plan: Makes batches of the texts that the model has to see.
            max_texts: How many texts are remembered at most.
        """
        self.hits = self.misses = 0
        self._predict = predict
        self._plan = plan
        self._max_texts = max_texts
        self._known: OrderedDict[str, Prediction] = OrderedDict()

    def predict(self, batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        """As the model does."""
        unknown: list[TokenizedText] = []
        for item in (item for batch in batches for row in batch for item in row):
            text = item.requests[0].text
            known = self._known.get(text)
            if known is None:
                unknown.append(item)
                continue
            self._known.move_to_end(text)
            self.hits += 1
            for request in item.requests:
                yield Prediction(request, known.tokens, known.truncated, known.scores)
        self.misses += len(unknown)
        for prediction in self._predict(self._plan(unknown)):
            self._remember(prediction)
            yield prediction

    def _remember(self, prediction: Prediction | Rejected) -> None:
        if isinstance(prediction, Prediction) and len(prediction.request.text) <= _MAX_CHARACTERS:
            self._known[prediction.request.text] = prediction
            if len(self._known) > self._max_texts:
                self._known.popitem(last=False)
