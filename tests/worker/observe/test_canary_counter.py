"""What two models say is counted for both together, as without a canary, and for each by itself."""

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from schemas.dead_letter import Reason
from schemas.manifest import DriftReference, Histogram
from worker.flow import Batch, ModelInfo, Prediction, Rejected, Request, TokenizedText
from worker.observe.canary_counter import TwoModelsCounter, measured, show_canary
from worker.observe.label_counter import LabelCounter
from worker.observe.metrics import Meters

CANARY = {1, 3}
REFERENCE = DriftReference(
    labels={"calm": 1.0, "joy": 1.0},
    scores=Histogram(edges=[0, 0.5, 1], shares=[0.5, 0.5]),
    tokens=Histogram(edges=[0, 10, 64], shares=[0.5, 0.5]),
    unknown_token_share=0.5,
)


@dataclass
class Shown:
    """A model, as far as it is shown."""

    info: ModelInfo
    device: str = "cpu"
    dtype: str = "float32"
    drift_reference: DriftReference | None = None

    def memory_bytes(self) -> int:
        return 0


LIVE_MODEL = Shown(ModelInfo("live", "1", ["sad", "joy"], confident_score=0.7))
NEW_MODEL = Shown(ModelInfo("new", "2", ["calm", "joy"], None, thresholds=[0.4, 0.4]), drift_reference=REFERENCE)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def meters(registry: CollectorRegistry) -> Meters:
    return Meters("loop", registry)


def text(index: int) -> TokenizedText:
    return TokenizedText([Request(index, "", "", None)], [1, 2, 3], truncated=False)


def said(index: int, *scores: float) -> Prediction:
    return Prediction(Request(index, "", "", None), 3, index == 3, list(scores))


def test_labels_scores_and_doubts_are_counted_by_model_and_in_sum(meters: Meters, registry: CollectorRegistry) -> None:
    counter = TwoModelsCounter(
        LabelCounter(meters, LIVE_MODEL, None, "live"),
        LabelCounter(meters, NEW_MODEL, None, "canary"),
        CANARY.__contains__,
    )
    counter.add(
        [said(0, 0.9, 0.1), said(1, 0.2, 0.3), said(2, 0.4, 0.6), said(3, 0.8, 0.7)],
        [text(index) for index in range(4)],
    )

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert [value("emotion_labels_total", label=label) for label in ("sad", "joy", "calm")] == [1, 2, 1]
    assert [value("emotion_model_labels_total", model="live", label=label) for label in ("sad", "joy")] == [1, 1]
    assert [value("emotion_model_labels_total", model="canary", label=label) for label in ("calm", "joy")] == [1, 1]
    assert value("emotion_model_labels_total", model="live", label="calm") is None
    assert value("emotion_score_sum") == pytest.approx(0.9 + 0.3 + 0.6 + 0.8)
    assert value("emotion_model_score_sum", model="live") == pytest.approx(0.9 + 0.6)
    assert value("emotion_model_score_sum", model="canary") == pytest.approx(0.3 + 0.8)
    assert value("emotion_not_confident_total") == 2
    assert [value("emotion_model_not_confident_total", model=model) for model in ("live", "canary")] == [1, 1]
    assert value("emotion_truncated_total") == 1


def test_the_canary_drifts_from_its_own_reference_by_features_of_its_own(meters: Meters) -> None:
    live = Shown(LIVE_MODEL.info, drift_reference=REFERENCE.model_copy(update={"labels": {"sad": 0.0, "joy": 1.0}}))
    counter = TwoModelsCounter(
        LabelCounter(meters, live, None, "live"), LabelCounter(meters, NEW_MODEL, None, "canary"), CANARY.__contains__
    )
    for _ in range(1_000):
        counter.add([said(0, 0.9, 0.1), said(1, 0.9, 0.1)], [text(0), text(1)])
    found = counter.publish()
    features = {"labels", "scores", "tokens", "unknown_tokens"}
    assert set(found) == features | {f"canary_{feature}" for feature in features}
    assert found["labels"] == 1
    assert 0.4 < found["canary_labels"] < 0.6


def test_windows_without_a_text_of_a_model_take_no_memory(meters: Meters) -> None:
    counter = LabelCounter(meters, NEW_MODEL, None, "canary")
    for _ in range(10):
        counter.add([], [])
    assert counter._drift is not None
    assert not counter._drift._windows


def test_time_tokens_and_failures_of_each_models_predict_are_counted(
    meters: Meters, registry: CollectorRegistry
) -> None:
    def predict(batches: Iterable[Batch]) -> Iterable[Prediction | Rejected]:
        for batch in batches:
            yield said(0, 1.0)
            yield from (Rejected(1, Reason.MODEL_FAILED, "") for _ in batch)

    by_role = {role: measured(meters, role, predict) for role in ("live", "canary")}
    assert len(list(by_role["canary"]([[[text(0), text(1)]], [[text(2)]]]))) == 4
    shown = {
        role: [
            registry.get_sample_value(f"emotion_model_{name}", {"model": role})
            for name in ("tokens_total", "failed_total", "predict_seconds_count")
        ]
        for role in by_role
    }
    assert shown == {"live": [0, 0, 0], "canary": [9, 2, 1]}


def test_the_canary_is_shown_with_its_share_beside_the_live_model(meters: Meters, registry: CollectorRegistry) -> None:
    show_canary(meters, NEW_MODEL, 0.05)
    labels = {"name": "new", "revision": "2", "device": "cpu", "dtype": "float32"}
    assert registry.get_sample_value("emotion_canary_share", labels) == 0.05
    assert registry.get_sample_value("emotion_model_info", labels) is None, "alerts look for two revisions there"
