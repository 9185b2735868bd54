"""`emotion-worker check --device`: what warm-up finds out, without a broker."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.harness.tiny_model import write_tiny_model
from worker.commands import check as command
from worker.commands import check_model
from worker.model.model import Model

PARTS = ["settings", "model", "device", "dtype", "batch", "speed", "memory"]


@pytest.fixture(autouse=True)
def environment(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMOTION_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    own = {"MODEL": str(tiny_model), "DEVICE": "cpu", "DTYPE": "float32", "BATCH_TOKENS": "512"}
    for name, value in own.items():
        monkeypatch.setenv(f"EMOTION_{name}", value)
    return monkeypatch


def checked(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and what was found of each part."""
    code = command.check(as_json=True, device_only=True)
    found = {finding["check"]: finding for finding in orjson.loads(capsys.readouterr().out)}
    return code, found


def test_every_part_of_the_warm_up_is_reported_without_a_broker(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("EMOTION_BATCH_TOKENS")
    code, found = checked(capsys)
    assert code == 0
    assert list(found) == PARTS
    assert all(finding["ok"] and finding["mend"] is None for finding in found.values())
    assert "emotion-labeller/batch-tokens.json" in found["batch"]["detail"]


def test_a_multi_label_model_is_described_with_the_score_that_each_label_is_given_from(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = write_tiny_model(tmp_path / "multi", problem_type="multi_label_classification")
    environment.setenv("EMOTION_MODEL", str(folder))
    environment.setenv("EMOTION_CONFIDENT_SCORE", "0.35")
    _, found = checked(capsys)
    assert "; several labels a text: sadness from 0.35, joy from 0.35, love" in found["model"]["detail"]


def test_a_canary_is_looked_at_as_well_and_what_differs_is_said(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    labels = {0: "joy", 1: "boredom"}
    folder = write_tiny_model(tmp_path / "new", id2label=labels, problem_type="multi_label_classification")
    environment.setenv("EMOTION_CANARY_MODEL", str(folder))
    environment.setenv("EMOTION_CANARY_CONFIDENT_SCORE", "0.25")
    assert command.check(as_json=True, device_only=True) == 0
    found = orjson.loads(capsys.readouterr().out)
    assert [each["check"] for each in found if each["check"] != "canary"] == PARTS
    details = [each["detail"] for each in found if each["check"] == "canary"]
    assert details[0].startswith("new sha256:")
    assert "; several labels a text: joy from 0.25, boredom from 0.25; " in details[0]
    kinds = [detail.partition(":")[0] for detail in details[1:5]]
    assert kinds == ["device", "dtype", "batch", "speed"]
    assert details[5:] == [
        "the canary gives labels that the live model does not have: boredom",
        "the live model gives labels that the canary does not have: sadness, love, anger, fear, surprise",
        "the canary gives a text any number of labels, the live model exactly one",
    ]


@pytest.mark.parametrize("device_only", [True, False])
def test_what_is_wrong_with_a_canary_is_told_by_its_own_settings(
    device_only: bool, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    environment.setenv("EMOTION_CANARY_MODEL", str(tmp_path / "empty"))
    assert command.check(as_json=True, device_only=device_only) == 1
    *_, last = orjson.loads(capsys.readouterr().out)
    assert not last["ok"]
    assert last["detail"].startswith(f"EMOTION_CANARY_MODEL: {tmp_path / 'empty'} ")


@pytest.mark.parametrize(
    ("different", "code", "mend", "runs_in"),
    [
        (1, 0, None, "torch.bfloat16"),
        (2, 1, "set EMOTION_DTYPE=float32, to which `run` steps back by itself", "torch.float32"),
    ],
)
def test_more_than_one_label_in_200_that_differs_from_float32_is_a_problem(
    different: int,
    code: int,
    mend: str | None,
    runs_in: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv("EMOTION_DTYPE", "bfloat16")
    environment.setattr(check_model, "different_labels", lambda *_: different)
    ended, found = checked(capsys)
    assert ended == code
    assert [part for part, finding in found.items() if not finding["ok"]] == ["dtype"] * code
    what = f"{different} of 200 built-in texts get another label in torch.bfloat16 than in torch.float32"
    assert (found["dtype"]["detail"], found["dtype"]["mend"]) == (what, mend)
    assert found["speed"]["detail"].endswith(runs_in)
    assert found["batch"]["detail"] == "512 padded tokens at once, by EMOTION_BATCH_TOKENS"


def test_a_device_that_fails_is_a_problem_and_no_traceback(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no kernel image is available\nfor this device")

    environment.setattr(Model, "forward", fail)
    code, found = checked(capsys)
    assert code == 1
    assert found["device"]["detail"].endswith("RuntimeError: no kernel image is available")
    assert "driver" in found["device"]["mend"]


def test_a_device_that_is_not_there_is_a_problem(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("EMOTION_DEVICE", "cuda:99")
    code, found = checked(capsys)
    assert code == 1
    assert list(found) == ["settings", "device"]
    assert "EMOTION_DEVICE: this machine has no cuda:99" in found["device"]["detail"]


def test_a_batch_size_that_cannot_be_kept_is_a_hint(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    environment.delenv("EMOTION_BATCH_TOKENS")
    environment.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    code, found = checked(capsys)
    assert code == 0
    assert found["batch"]["ok"]
    assert "XDG_CACHE_HOME" in found["batch"]["mend"]
