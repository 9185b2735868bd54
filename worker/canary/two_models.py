"""Two models label one window: split by key for them, and put together again. The rest of the loop sees one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from worker.flow import Answer, Batch, Decoded, Outcome, Prediction, Record, Rejected, Request, TokenizedText
from worker.kafka.key_share import share_of
from worker.loop import Stages

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

T = TypeVar("T")
Predict = Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]


class KeyRoute:
    """Says of each record of the window at hand which model has it."""

    def __init__(self, share: float) -> None:
        """The canary has the keys whose number is below this share."""
        self.share = share
        self._canary: set[int] = set()

    def take(self, records: list[Record]) -> None:
        """These are the records of the window."""
        self._canary = {index for index, record in enumerate(records) if share_of(record) < self.share}

    def is_canary(self, index: int) -> bool:
        """Whether the canary has the record of that index."""
        return index in self._canary

    def choose(self, live: Callable[[Prediction], T], canary: Callable[[Prediction], T]) -> Callable[[Prediction], T]:
        """What is to be made of a prediction, by the model that it is of."""
        return lambda prediction: (canary if prediction.request.index in self._canary else live)(prediction)


@dataclass(frozen=True)
class Canary:
    """A second model, what it labels, and what stands around the `predict` of each of the two (`live`, `canary`)."""

    model: "Model"
    tokenizer: "Tokenizer"
    route: KeyRoute
    measured: Callable[[str, Predict], Predict] = lambda _, predict: predict


class ModelStages(NamedTuple):
    """The stages that are a model's own."""

    tokenize: Callable[[list[Request]], list[TokenizedText]]
    plan: Callable[[list[TokenizedText]], Iterable[Batch]]
    predict: Predict
    encode: Callable[[list[Record], Iterable[Answer]], list[Outcome]]


class TwoModels:
    """The stages of two models as those of one. The live one's texts come first; `in_order` mends that."""

    def __init__(self, live: ModelStages, canary: ModelStages, route: KeyRoute) -> None:
        self._live = live
        self._canary = canary
        self._route = route

    def around(self, stages: Stages) -> Stages:
        """The same stages, with these in them."""

        def decode(records: list[Record]) -> Decoded:
            self._route.take(records)
            return stages.decode(records)

        return replace(
            stages,
            decode=decode,
            tokenize=self._tokenize,
            plan=self._plan,
            predict=self._predict,
            encode=self._encode,
        )

    def _tokenize(self, requests: list[Request]) -> list[TokenizedText]:
        live, canary = self._split(requests, lambda request: request.index)
        return [*self._live.tokenize(live), *self._canary.tokenize(canary)]

    def _plan(self, texts: list[TokenizedText]) -> Iterable[Batch]:
        live, canary = self._split(texts, _index_of_text)
        return chain(self._live.plan(live), self._canary.plan(canary))

    def _predict(self, batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        """Each model is asked once a window, also without a batch: a cache may have its answers."""
        rest, first_of_canary = iter(batches), list[Batch]()

        def of_live() -> Iterator[Batch]:
            for batch in rest:
                if self._route.is_canary(_index_of_text(batch[0][0])):
                    first_of_canary.append(batch)
                    return
                yield batch

        yield from self._live.predict(of_live())
        yield from self._canary.predict(chain(first_of_canary, rest))

    def _encode(self, records: list[Record], answers: Iterable[Answer]) -> list[Outcome]:
        live, canary = self._split(answers, _index_of_answer)
        return self._live.encode(records, live) + self._canary.encode(records, canary)

    def _split(self, values: Iterable[T], index_of: Callable[[T], int]) -> tuple[list[T], list[T]]:
        """What is the live model's, and what is the canary's."""
        both: tuple[list[T], list[T]] = [], []
        for value in values:
            both[self._route.is_canary(index_of(value))].append(value)
        return both


def _index_of_text(text: TokenizedText) -> int:
    return text.requests[0].index


def _index_of_answer(answer: Answer) -> int:
    return answer.request.index if isinstance(answer, Prediction) else answer.index
