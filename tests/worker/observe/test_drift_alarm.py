"""A stream that drifts is said to, once, and has more of it reviewed as long as it does."""

import logging

import pytest

from worker.flow import Attention
from worker.observe.drift_alarm import DriftAlarm


def test_reviews_rise_while_any_feature_drifts_and_fall_when_none_does() -> None:
    attention = Attention()
    alarm = DriftAlarm(0.1, 5, attention)
    factors = []
    for labels, tokens in [(0.05, 0.0), (0.1, 0.0), (0.1, 0.2), (0.05, 0.2), (0.05, 0.09), (0.05, 0.07)]:
        alarm({"labels": labels, "tokens": tokens})
        factors.append(attention.factor)
    assert factors == [1, 5, 5, 5, 5, 1]


def test_each_feature_is_named_when_it_begins_and_when_it_ends_and_not_in_between(
    caplog: pytest.LogCaptureFixture,
) -> None:
    alarm = DriftAlarm(0.1, 5, Attention())
    with caplog.at_level(logging.INFO):
        for distance in (0.09, 0.1234, 0.3, 0.09, 0.11, 0.079, 0.05):
            alarm({"scores": distance})
    told = [(log.message, log.__dict__["feature"], log.__dict__["distance"]) for log in caplog.records]
    assert told == [("drift_began", "scores", 0.123), ("drift_ended", "scores", 0.079)]
    assert caplog.records[0].__dict__["review_factor"] == 5


def test_before_there_are_distances_nothing_drifts() -> None:
    attention = Attention()
    DriftAlarm(0.1, 5, attention)({})
    assert attention.factor == 1
