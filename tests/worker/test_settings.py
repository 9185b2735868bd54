"""Settings: what is misspelt or does not fit is refused with its name and its mend."""

from pathlib import Path

import pytest

from worker.errors import UserError
from worker.settings import Settings, load_settings, variable


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in os.environ:
        if name.startswith("EMOTION_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_env_file_and_that_over_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("EMOTION_INPUT_TOPIC", "EMOTION_OUTPUT_TOPIC", "EMOTION_GROUP_ID"):
        (secrets / name).write_text("from-secrets\n")
    Path(".env").write_text("EMOTION_INPUT_TOPIC=from-file\nEMOTION_OUTPUT_TOPIC=from-file\nOTHER=1\n")
    monkeypatch.setenv("EMOTION_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("EMOTION_INPUT_TOPIC", "from-environment")
    settings = load_settings()
    assert (settings.input_topic, settings.output_topic, settings.group_id) == (
        "from-environment",
        "from-file",
        "from-secrets",
    )


@pytest.mark.parametrize("place", ["environment", "env file", "secrets"])
def test_a_misspelt_name_is_refused_and_the_right_one_suggested(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if place == "environment":
        monkeypatch.setenv("EMOTION_OUTPUT_TOPC", "x")
    elif place == "env file":
        Path(".env").write_text("EMOTION_OUTPUT_TOPC=x\n")
    else:
        (tmp_path / "EMOTION_OUTPUT_TOPC").write_text("x")
        monkeypatch.setenv("EMOTION_SECRETS_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"EMOTION_OUTPUT_TOPC: .* did you mean EMOTION_OUTPUT_TOPIC\?"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_WORKER_SERVICE_HOST", "10.0.0.1"),
        ("EMOTION_WORKER_SERVICE_PORT_HTTP", "8080"),
        ("EMOTION_WORKER_PORT", "tcp://10.0.0.1:8080"),
        ("EMOTION_WORKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_names_that_kubernetes_injects_are_no_settings(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_DELIVERY", "maybe_once"),
        ("EMOTION_INPUT_TOPIC", "no spaces please"),
        ("EMOTION_BATCH_TOKENS", "0"),
        ("EMOTION_WINDOW_MAX_RECORDS", "many"),
        ("EMOTION_DEVICE", "gpu"),
        ("EMOTION_TEXT_FIELD", "data..body"),
        ("EMOTION_START_OFFSET", "beginning"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name}: "):
        load_settings()


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_DELIVERY", "x")
    monkeypatch.setenv("EMOTION_DTYPE", "x")
    with pytest.raises(UserError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 2


def test_topics_must_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_OUTPUT_TOPIC", "text-messages")
    with pytest.raises(UserError, match="three different topics"):
        load_settings()


def test_every_setting_is_described() -> None:
    undescribed = [variable(name) for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []


@pytest.mark.parametrize("score", ["1.5", "-0.1", "high"])
def test_a_threshold_that_no_score_can_be_compared_with_is_refused(monkeypatch: pytest.MonkeyPatch, score: str) -> None:
    monkeypatch.setenv("EMOTION_CONFIDENT_SCORE", score)
    with pytest.raises(UserError, match="EMOTION_CONFIDENT_SCORE: "):
        load_settings()


def test_fields_to_be_copied_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_COPY_FIELDS", "author.id, lang")
    assert load_settings().fields.copied == ("author.id", "lang")
    for wrong in ("a,,b", "a..b"):
        monkeypatch.setenv("EMOTION_COPY_FIELDS", wrong)
        with pytest.raises(UserError, match="EMOTION_COPY_FIELDS"):
            load_settings()


def test_plain_text_has_no_fields_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_COPY_FIELDS", "lang")
    monkeypatch.setenv("EMOTION_INPUT_FORMAT", "text")
    with pytest.raises(UserError, match="EMOTION_COPY_FIELDS needs EMOTION_INPUT_FORMAT=json"):
        load_settings()
