"""Who comes with the token, and who without it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.serve.conftest import Served, serving
from worker.errors import UserError
from worker.serve.token import Token


@pytest.fixture(scope="module")
def guarded(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text("open-sesame\n")
    with serving(tiny_model, serve_token_file=str(file)) as served:
        yield served


@pytest.mark.parametrize("path", ["/label", "/predict", "/"])
@pytest.mark.parametrize("sent", ["", "open-sesame", "Bearer", "Bearer open-sesam", "Basic open-sesame", "Bearer ö"])
def test_without_the_token_nothing_is_labelled(path: str, sent: str, guarded: Served) -> None:
    answer = guarded.ask(path, {"text": "a", "inputs": "a"}, Authorization=sent)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json["error_type"] == "Unauthorized"
    assert "EMOTION_SERVE_TOKEN_FILE" in answer.json["error"]
    assert "open-sesame" not in answer.json["error"]


def test_with_the_token_all_is_as_without_one(guarded: Served) -> None:
    for path, scheme in (("/label", "Bearer"), ("/predict", "bearer"), ("/", "BEARER")):  # its case says nothing
        answer = guarded.ask(path, {"text": "a", "inputs": "a"}, Authorization=f"{scheme} open-sesame")
        assert answer.status == 200


def test_probes_and_metrics_need_none(guarded: Served) -> None:
    assert [guarded.ask(path).status for path in ("/livez", "/readyz", "/metrics", "/openapi.json")] == [200] * 4


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe"])
def test_a_file_without_a_token_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"EMOTION_SERVE_TOKEN_FILE: .*token holds no token"):
        Token(file)
