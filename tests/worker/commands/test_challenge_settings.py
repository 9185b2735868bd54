"""Settings of a challenger: those of the live workers, but for what is theirs alone."""

import pytest

from worker.commands.challenge_settings import Challenge, own_settings
from worker.kafka.offset_spec import parse_offset_spec

LIVE = {
    "EMOTION_PAGE": "True",
    "EMOTION_HTTP_PORT": "8081",
    "EMOTION_GOLDEN_SET": "golden.jsonl",
    "EMOTION_KEY_SHARE": "5-100",
    "EMOTION_CACHE_TEXTS": "7",
}


@pytest.fixture(autouse=True)
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LIVE.items():
        monkeypatch.setenv(name, value)


def test_it_has_all_that_is_not_the_live_workers_alone() -> None:
    settings, texts = own_settings(Challenge("new"))
    assert (settings.input_topic, settings.output_topic, texts) == (
        "emotion-labels",
        "emotion-disagreements",
        ("text-messages",),
    )
    assert (settings.model, settings.group_id, settings.cache_texts) == ("new", "emotion-worker-challenger", 7)
    assert (settings.golden_set, settings.key_range) == (None, (0, 1))
    assert (settings.page, settings.http_port) == (True, 8081)


def test_a_bounded_one_has_no_endpoint_and_no_page_on_it() -> None:
    bounds = parse_offset_spec("earliest"), parse_offset_spec("now")
    settings, _ = own_settings(Challenge("new", None, 1.0, *bounds))
    assert (settings.page, settings.http_port) == (False, 0)
    assert settings.group_id.startswith("emotion-worker-challenger-")
