"""A second model is loaded with what belongs to it, and told of by its own settings."""

import logging
from pathlib import Path

import orjson
import pytest

from tests.harness.tiny_model import write_tiny_model
from worker.canary import loading
from worker.canary.loading import canary_hints, in_canary_words, load_canary
from worker.errors import UserError
from worker.flow import ModelInfo
from worker.labelling import load_model
from worker.settings import Settings, load_settings

GIB = 1 << 30


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def new_model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "new", hidden_act="relu", id2label={0: "calm", 1: "joy"})


def settings_of(tiny_model: Path, **own: object) -> Settings:
    return load_settings(model=str(tiny_model), device="cpu", dtype="float32", batch_tokens=512, **own)


def golden(file: Path, label: str) -> str:
    file.write_bytes(orjson.dumps({"text": "a text", "label": label}))
    return str(file)


def test_no_canary_is_no_work(tiny_model: Path) -> None:
    settings = settings_of(tiny_model, canary_percent=50)
    assert load_canary(settings, load_model(settings)[0]) is None


def test_it_has_its_own_threshold_and_golden_set_and_none_of_the_live_models(
    tiny_model: Path, new_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain, _ = load_model(settings_of(tiny_model))
    of_live = golden(tmp_path / "live.jsonl", "calm")  # no label of the live model, which would be refused
    own = {"canary_model": str(new_model), "canary_percent": 12.5, "confident_score": 0.9}
    with caplog.at_level(logging.INFO):
        canary = load_canary(settings_of(tiny_model, golden_set=of_live, **own), plain)
    assert canary is not None
    assert (canary.model.info.name, canary.model.info.confident_score, canary.route.share) == ("new", None, 0.125)
    started = next(record for record in caplog.records if record.msg == "canary_started")
    assert (started.model, started.percent) == ("new", 12.5)  # type: ignore[attr-defined]
    assert sum(record.msg == "canary_differs" for record in caplog.records) == 2
    canary = load_canary(settings_of(tiny_model, canary_confident_score=0.3, **own), plain)
    assert canary is not None
    assert canary.model.info.confident_score == 0.3
    not_its = golden(tmp_path / "other.jsonl", "sadness")
    with pytest.raises(UserError, match=f"^EMOTION_CANARY_MODEL: {not_its}, text 1: names the label 'sadness'"):
        load_canary(settings_of(tiny_model, canary_golden_set=not_its, **own), plain)


def test_a_canary_whose_weights_do_not_fit_into_the_limit_is_warned_of_with_figures(
    tiny_model: Path, new_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plain, _ = load_model(settings_of(tiny_model))
    settings = settings_of(tiny_model, canary_model=str(new_model), processes="2")
    for limit, told in ((GIB << 10, 0), (GIB >> 3, 1)):
        monkeypatch.setattr(loading, "memory_limit_bytes", lambda limit=limit: limit)
        caplog.clear()
        load_canary(settings, plain)
        short = [record for record in caplog.records if record.msg == "canary_memory_short"]
        assert len(short) == told
    assert "two models in each of 2 processes take " in short[0].detail  # type: ignore[attr-defined]
    assert "the limit is 128 MiB" in short[0].detail  # type: ignore[attr-defined]
    assert "EMOTION_KEY_SHARE" in short[0].mend  # type: ignore[attr-defined]


def test_the_same_model_twice_is_said() -> None:
    (hint,) = canary_hints(*[ModelInfo("m", "sha256:00", ["a"], None)] * 2)
    assert hint.detail == "EMOTION_CANARY_MODEL is the live model, sha256:00"
    assert canary_hints(ModelInfo("m", "1", ["a", "b"], None), ModelInfo("m", "2", ["b", "a"], None)) == []


def test_only_what_belongs_to_the_canary_alone_is_told_by_its_own_name() -> None:
    told = in_canary_words("set EMOTION_MODEL_REVISION, EMOTION_GOLDEN_SET or EMOTION_DTYPE; see EMOTION_MODEL: x")
    assert told == (
        "set EMOTION_CANARY_MODEL_REVISION, EMOTION_CANARY_GOLDEN_SET or EMOTION_DTYPE; see EMOTION_CANARY_MODEL: x"
    )
