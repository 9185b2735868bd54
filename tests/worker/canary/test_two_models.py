"""Two models in one window: each text gets what its model alone would give it, in the order of the records."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import orjson
import pytest

from schemas.emotion_label import Source
from tests.harness.tiny_model import LABELS, write_tiny_model
from worker import loop
from worker.build import make_stages, make_target
from worker.canary.two_models import Canary, KeyRoute
from worker.errors import UserError
from worker.flow import Answer, Attention, Batch, Outcome, Prediction, Record, Refusals, Window, in_order
from worker.kafka.key_share import share_of
from worker.kafka.topics import Topic
from worker.labelling import load_model
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer
from worker.reviewing import make_reviewer
from worker.settings import Settings, load_settings

OTHER_LABELS = ["calm", "boredom", "fear"]
Loaded = tuple[Model, Tokenizer]


class Nothing:
    """No source and no sink: windows are taken through the stages by hand."""

    def poll(self) -> Window:
        raise AssertionError

    def rewind(self) -> None:
        raise AssertionError

    def settle(self) -> None:
        raise AssertionError

    def deliver(self, _window: Window, _outcomes: list[Outcome]) -> None:
        raise AssertionError


@pytest.fixture(scope="module")
def live(tiny_model: Path) -> Loaded:
    return load_model(load_settings(model=str(tiny_model), device="cpu", dtype="float32"))


@pytest.fixture(scope="module", params=["single_label_classification", "multi_label_classification"])
def canary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    folder = write_tiny_model(
        tmp_path_factory.mktemp("canary") / "canary",
        id2label=dict(enumerate(OTHER_LABELS)),
        problem_type=request.param,
        hidden_act="relu",
    )
    return load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))


def topics(settings: Settings) -> dict[str, Topic]:
    return {name: Topic(name, 1, None) for name in settings.topics}


def stages(settings: Settings, loaded: Loaded, canary: Canary | None = None) -> loop.Stages:
    return make_stages(
        settings, topics(settings), *loaded, Nothing(), Nothing(), Refusals(), attention=Attention(), canary=canary
    )


def label(stages: loop.Stages, records: list[Record]) -> tuple[list[Outcome], Sequence[Answer]]:
    requests, others = stages.decode(records)
    predictions = stages.predict(batch for batch in stages.plan(stages.tokenize(requests)))
    answers: list[Answer] = [*predictions, *others]  # type: ignore[list-item]
    return in_order(stages.encode(records, answers), len(records)), answers


def window(texts: Iterable[bytes | None], first: int = 0) -> list[Record]:
    return [
        Record(Source("text-messages", 0, offset, 1_764_000_000_000), b"user-%d" % offset, text, [])
        for offset, text in enumerate(texts, first)
    ]


def texts(count: int) -> list[bytes | None]:
    made: list[bytes | None] = [orjson.dumps({"text": f"message {index} " * (index % 9 + 1)}) for index in range(count)]
    made[3], made[7], made[11], made[12] = b"broken", None, b"broken too", None
    return made


def essence(outcome: Outcome) -> object:
    """An outcome, but for the time at which it was made; the last digit of a score depends on the batch."""
    value: object = outcome.value
    if outcome.topic == "emotion-labels" and outcome.value is not None:
        label = orjson.loads(outcome.value)
        scores = {name: round(score, 4) for name, score in label["scores"].items()}
        value = label | {"labelled_at_ms": 0, "score": round(label["score"], 4), "scores": scores}
    headers = [header for header in outcome.headers if header[0] != "dead-letter-at-ms"]
    return outcome.index, outcome.topic, outcome.key, value, headers


@pytest.mark.parametrize("cache_texts", [0, 1_000])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_record_gets_what_the_model_of_its_key_alone_would_give_it(
    live: Loaded, canary: Loaded, share: float, cache_texts: int
) -> None:
    settings = load_settings(cache_texts=cache_texts)
    both = stages(settings, live, Canary(*canary, KeyRoute(share)))
    alone = [stages(settings, live), stages(settings, canary)]
    for first in (0, 0, 500):  # the second time of the same texts from the cache, if there is one
        records = window(texts(60), first)
        made, _ = label(both, records)
        expected = [label(each, records)[0] for each in alone]
        of_canary = [share_of(record) < share for record in records]
        assert share in (0.0, 1.0) or {*of_canary[:13]} == {*of_canary[13:]} == {True, False}
        assert list(map(essence, made)) == [
            essence(expected[is_canary][index]) for index, is_canary in enumerate(of_canary)
        ]


def test_a_dead_letter_names_the_model_that_would_have_labelled_it(live: Loaded, canary: Loaded) -> None:
    records = window([b"broken"] * 40)
    made, _ = label(stages(load_settings(), live, Canary(*canary, KeyRoute(0.5))), records)
    named = [dict(outcome.headers)["dead-letter-model"].decode().partition("@")[0] for outcome in made]
    assert named == [("tiny", "canary")[share_of(record) < 0.5] for record in records]
    assert set(named) == {"tiny", "canary"}


def test_reviews_are_drawn_by_each_models_own_labels_and_thresholds_under_one_bound(
    live: Loaded, canary: Loaded
) -> None:
    per_million = {f"review_{reason}_per_million": 0 for reason in ("not_confident", "close", "rare")}
    rare = {"review_rare_labels": "calm,boredom,sadness", "review_rare_per_million": 1_000_000}
    settings = load_settings(
        review_topic="reviews", review_random_per_million=1, review_per_minute=1_000_000, **(per_million | rare)
    )
    records = window(value or b'{"text": "a"}' for value in texts(300) if not value or b"broken" not in value)
    both = stages(settings, live, Canary(*canary, KeyRoute(0.5)))
    made, answers = label(both, records)
    drawn = [orjson.loads(review.value or b"") for review in both.review(records, answers, made).outcomes]
    is_multi = canary[0].info.thresholds is not None
    expected = set()
    for outcome in made:
        given = orjson.loads(outcome.value or b"{}")
        if {"calm", "boredom", "sadness"} & set(
            given["labels"] if given.get("labels") is not None else [given.get("label")]
        ):
            expected.add(outcome.index)
    assert {review["source"]["offset"] for review in drawn} == {records[index].origin.offset for index in expected}
    assert {review["model"]["name"] for review in drawn} == {"tiny", "canary"}
    assert {review["labels"] is None for review in drawn} == {True, not is_multi}

    few = load_settings(review_topic="reviews", review_random_per_million=1_000_000, review_per_minute=30)
    both = stages(few, live, Canary(*canary, KeyRoute(0.5)))
    made, answers = label(both, records)
    (probability,) = {
        orjson.loads(review.value or b"")["probability"] for review in both.review(records, answers, made).outcomes
    }
    assert probability == pytest.approx(30 / sum(isinstance(answer, Prediction) for answer in answers), rel=0.05)


def test_a_label_that_neither_model_has_cannot_be_rare(live: Loaded, canary: Loaded) -> None:
    settings = load_settings(review_topic="reviews", review_rare_labels="boredom,rage")
    with pytest.raises(UserError, match=f"no label rage; it has {', '.join(LABELS)}, calm, boredom$"):
        make_reviewer(
            settings,
            make_target(Topic("", 1, None)),
            live[0].info,
            Refusals(),
            Attention(),
            Canary(*canary, KeyRoute(0.5)),
        )


def test_each_model_is_measured_by_itself(live: Loaded, canary: Loaded) -> None:
    asked: list[tuple[str, int]] = []

    def measured(role: str, predict: Callable[[Iterable[Batch]], Iterable[Answer]]) -> Callable[..., Iterable[Answer]]:
        def predicted(batches: Iterable[Batch]) -> Iterable[Answer]:
            answers = list(predict(batches))
            asked.append((role, len(answers)))
            return answers

        return predicted

    records = window([b'{"text": "a"}'] * 100)
    label(stages(load_settings(), live, Canary(*canary, KeyRoute(0.2), measured)), records)  # type: ignore[arg-type]
    of_canary = sum(share_of(record) < 0.2 for record in records)
    assert asked == [("live", 100 - of_canary), ("canary", of_canary)]


def test_without_a_canary_the_stages_are_the_models_own(live: Loaded) -> None:
    model, tokenizer = live
    alone = stages(load_settings(canary_percent=50), live)
    assert (alone.tokenize, alone.predict) == (tokenizer.tokenize, model.predict)
