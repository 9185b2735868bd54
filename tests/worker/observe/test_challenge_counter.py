"""What a challenger found, as metrics: all of it, with a bounded number of series."""

from collections import Counter

from prometheus_client import CollectorRegistry

from schemas.manifest import DriftReference
from worker.flow import ModelInfo
from worker.messages.comparison import Comparison, Unmatched
from worker.observe.challenge_counter import OF_CHALLENGER, ChallengeCounter
from worker.observe.metrics import Meters


class Model:
    info = ModelInfo("m", "1", ["joy"], None)
    device = "cpu"
    dtype = "float32"
    drift_reference: DriftReference | None = None

    def memory_bytes(self) -> int:
        return 7


def counted(*comparisons: Comparison) -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = ChallengeCounter(Meters("loop", registry, OF_CHALLENGER), Model(), list(Unmatched))
    for comparison in comparisons:
        counter.compare(comparison)
    return registry


def test_a_window_is_counted() -> None:
    comparison = Comparison(
        pairs=Counter({("joy", "joy"): 3, ("joy", "fear"): 2}),
        disagreements=Counter({("joy", "fear"): 2}),
        score_gaps=[-0.4, 0.0, 0.01, 0.3, 0.3],
        confident=Counter({(True, False): 2, (True, True): 3}),
        unmatched=Counter({Unmatched.TEXT_GONE: 4}),
    )
    value = counted(comparison).get_sample_value
    assert value("emotion_challenger_compared_total") == 5
    assert value("emotion_challenger_disagreements_total", {"live": "joy", "challenger": "fear"}) == 2
    assert value("emotion_challenger_score_gap_bucket", {"le": "-0.3"}) == 1
    assert value("emotion_challenger_score_gap_bucket", {"le": "0.02"}) == 3
    assert value("emotion_challenger_confidence_changed_total", {"becomes": "not_confident"}) == 2
    assert value("emotion_challenger_confidence_changed_total", {"becomes": "confident"}) == 0
    assert value("emotion_challenger_unmatched_total", {"reason": "text_gone"}) == 4
    assert value("emotion_challenger_unmatched_total", {"reason": "repeated"}) == 0


def test_labels_beyond_many_share_a_series() -> None:
    registry = counted(
        *(Comparison(disagreements=Counter({(f"live {n}", f"new {n}"): 1})) for n in range(60)),
        Comparison(disagreements=Counter({("live 3", "new 59"): 1})),
    )
    (family,) = [each for each in registry.collect() if each.name == "emotion_challenger_disagreements"]
    assert len(family.samples) == 42
    assert sum(sample.value for sample in family.samples) == 61
    value = registry.get_sample_value
    assert value("emotion_challenger_disagreements_total", {"live": "other", "challenger": "other"}) == 20
    assert value("emotion_challenger_disagreements_total", {"live": "live 3", "challenger": "other"}) == 1
