"""What tokenizer.json says is what counts, and where transformers makes another tokenizer of it, that is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tests.harness.tiny_architectures import write_architecture
from tests.harness.tiny_model import write_tiny_model
from worker.commands.check import check
from worker.flow import Request
from worker.labelling import load_model
from worker.model import tokenizer_loading
from worker.model.artifact import _BUNDLED
from worker.model.rebuilt_tokenizer import rebuilt_hint
from worker.model.tokenizer_file import TokenizerFile
from worker.model.tokenizer_loading import _held_against_file, _made_by_transformers, load_tokenizer
from worker.service import _log_start
from worker.settings import load_settings

TEXT = "see https://a.example/b and be happy"
LINKS = {"type": "Replace", "pattern": {"Regex": r"https?://\S+"}, "content": " "}


def with_own_normalizer(folder: Path) -> Path:
    """A folder whose tokenizer.json takes links out, which the class that its config names does not."""
    file = write_tiny_model(folder) / "tokenizer.json"
    content = json.loads(file.read_bytes())
    content["normalizer"] = {"type": "Sequence", "normalizers": [LINKS, content["normalizer"]]}
    file.write_text(json.dumps(content))
    return folder


def test_a_normalizer_that_transformers_drops_is_used_and_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = with_own_normalizer(tmp_path)
    file = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"] != file.encode(TEXT).ids

    settings = load_settings(model=str(folder), device="cpu", dtype="float32")
    model, tokenizer = load_model(settings)
    (text,) = tokenizer.tokenize([Request(0, "", TEXT, None)])
    assert text.ids == file.encode(TEXT).ids
    assert tokenizer.differing > 0
    _log_start(model, tokenizer, settings)
    assert "tokenizer_read_two_ways" in caplog.messages

    for name, value in {"MODEL": str(folder), "DEVICE": "cpu", "DTYPE": "float32"}.items():
        monkeypatch.setenv(f"EMOTION_{name}", value)
    assert check(as_json=True, device_only=True) == 0
    (said,) = [result for result in json.loads(capsys.readouterr().out) if result["check"] == "tokenizer"]
    assert "the worker uses tokenizer.json as it is" in said["detail"]


def test_both_mends_do_what_they_say(tmp_path: Path) -> None:
    folder = with_own_normalizer(tmp_path)
    own = load_tokenizer(folder).tokenizer.encode(TEXT).ids
    assert PreTrainedTokenizerFast.from_pretrained(folder)(TEXT)["input_ids"] == own
    made = AutoTokenizer.from_pretrained(folder)
    made.save_pretrained(folder)
    found = load_tokenizer(folder)
    assert found.differing == 0
    assert found.tokenizer.encode(TEXT).ids == made(TEXT)["input_ids"] != own


def test_a_kind_for_which_transformers_overrides_the_named_class_is_held_against_its_file(tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, "qwen2")
    file = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = load_tokenizer(folder)
    assert found.differing > 0
    assert found.tokenizer.encode(TEXT).ids == file.encode(TEXT).ids


def change_json(file: Path, **options: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_bytes()) | options))


def test_beside_a_file_options_that_add_tokens_around_a_text_are_as_unread_as_by_transformers(tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, "llama", {"bos_token": "<s>"})
    change_json(folder / "tokenizer_config.json", add_bos_token=False, add_eos_token=True)
    found = load_tokenizer(folder)
    assert found.tokenizer.encode(TEXT).ids == AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"]
    assert found.differing == 0


@pytest.mark.parametrize("said", [{"tokenizer_class": "OwnTokenizer"}, {"auto_map": {"AutoTokenizer": ["a.B", None]}}])
def test_a_class_that_is_not_there_leaves_the_file(said: dict[str, Any], tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path)
    expected = load_tokenizer(folder)
    change_json(folder / "tokenizer_config.json", **said)
    change_json(folder / "config.json", model_type="own")
    found = load_tokenizer(folder)
    assert found.tokenizer.encode(TEXT).ids == expected.tokenizer.encode(TEXT).ids
    assert (found.max_tokens, found.pad_token) == (expected.max_tokens, expected.pad_token)


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "LlamaTokenizer"])
def test_a_special_token_that_the_model_has_no_row_for_is_none_in_a_text(name: str, kind: str, tmp_path: Path) -> None:
    folder = write_architecture(tmp_path, kind, pad_token_id=None)
    extra = {"id": 128, "content": "[PAD]", "special": True} | dict.fromkeys(
        ("single_word", "lstrip", "rstrip", "normalized"), False
    )
    tokens = json.loads((folder / "tokenizer.json").read_bytes())["added_tokens"]
    change_json(folder / "tokenizer.json", added_tokens=[*tokens, extra])
    change_json(folder / "tokenizer_config.json", pad_token="[PAD]", tokenizer_class=name)  # noqa: S106
    _, tokenizer = load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))
    (text,) = tokenizer.tokenize([Request(0, "", "so [PAD] happy", None)])
    assert max(text.ids) < 128


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_tokenizer_is_read_once_at_a_start(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_architecture(tmp_path, "squeezebert")
    read = []

    def counted(folder: Path) -> TokenizerFile:
        read.append(folder)
        return load_tokenizer(folder)

    monkeypatch.setattr(tokenizer_loading, "load_tokenizer", counted)
    load_model(load_settings(model=str(folder), device="cpu", dtype=dtype))
    assert read == [folder]


def test_our_own_artifact_is_the_same_both_ways() -> None:
    assert load_tokenizer(_BUNDLED).differing == 0
    assert _held_against_file(_BUNDLED, _made_by_transformers(_BUNDLED)).differing == 0
    assert rebuilt_hint(0) is None
