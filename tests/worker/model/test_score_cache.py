"""The cache of scores: the same answers, fewer texts for the model, never more remembered than it was told."""

from collections.abc import Iterable, Iterator
from functools import partial

from schemas.dead_letter import Reason
from worker.flow import Batch, Prediction, Rejected, Request, TokenizedText
from worker.model.batcher import plan
from worker.model.score_cache import ScoreCache


class CountingModel:
    """Scores a text by its length; fails on `bad`."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def predict(self, batches: Iterable[Batch]) -> Iterator[Prediction | Rejected]:
        for item in (item for batch in batches for row in batch for item in row):
            self.seen.append(item.requests[0].text)
            for request in item.requests:
                if request.text == "bad":
                    yield Rejected(request.index, Reason.MODEL_FAILED, "bad")
                else:
                    yield Prediction(request, len(item.ids), item.truncated, [float(len(request.text))])


def window(texts: list[str]) -> list[TokenizedText]:
    by_text: dict[str, list[Request]] = {}
    for index, text in enumerate(texts):
        by_text.setdefault(text, []).append(Request(index, str(index), text, None))
    return [TokenizedText(rs, [0] * len(t), truncated=False) for t, rs in by_text.items()]


def answers(cache: ScoreCache, texts: list[str]) -> dict[int, list[float] | None]:
    return {
        p.request.index if isinstance(p, Prediction) else p.index: p.scores if isinstance(p, Prediction) else None
        for p in cache.predict(cache.plan(window(texts)))
    }


def make_cache(max_texts: int) -> tuple[CountingModel, ScoreCache]:
    model = CountingModel()
    return model, ScoreCache(model.predict, partial(plan, batch_tokens=64), max_texts)


def test_a_text_of_an_earlier_window_is_answered_without_the_model() -> None:
    model, cache = make_cache(10)
    assert answers(cache, ["a", "bb", "a"]) == {0: [1.0], 1: [2.0], 2: [1.0]}
    assert answers(cache, ["bb", "ccc", "bb", "a"]) == {0: [2.0], 1: [3.0], 2: [2.0], 3: [1.0]}
    assert sorted(model.seen) == ["a", "bb", "ccc"]


def test_what_was_asked_for_least_recently_is_forgotten_first() -> None:
    model, cache = make_cache(2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"]):
        answers(cache, texts)
    assert model.seen == ["a", "b", "c"]
    answers(cache, ["b"])
    assert model.seen == ["a", "b", "c", "b"]


def test_a_failure_is_no_answer_to_remember_nor_is_a_huge_text() -> None:
    model, cache = make_cache(10)
    huge = "x" * 5000
    for _ in range(2):
        assert answers(cache, ["bad", huge]) == {0: None, 1: [5000.0]}
    assert model.seen == ["bad", huge] * 2
