"""What is found out at warm-up: the fastest batch size, kept for the next start, and a dtype whose labels differ."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file

from worker import labelling
from worker.flow import TokenizedText
from worker.labelling import load_model
from worker.model import prepacked_linear, warm_up
from worker.model.artifact import find_artifact
from worker.model.batcher import plan
from worker.model.model import Model
from worker.model.packing import Inputs
from worker.model.warm_up import MAX_DIFFERENT, SAMPLES, different_labels, fastest, find_batch_tokens, warm_up_shapes
from worker.settings import load_settings


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        ({256: 1.0, 512: 0.8, 1024: 0.7}, 1024),
        ({256: 1.0, 512: 0.8, 1024: 0.79}, 512),
        ({256: 0.5, 512: 0.8, 1024: 0.79}, 256),
        ({4096: 1.0}, 4096),
    ],
)
def test_the_smallest_budget_wins_that_no_larger_one_clearly_beats(seconds: dict[int, float], found: int) -> None:
    assert fastest(seconds) == found


@pytest.fixture
def model(tiny_model: Path) -> Model:
    return Model(find_artifact(str(tiny_model), None), "cpu", "float32")


def test_the_batch_size_is_measured_once_and_read_at_the_next_start(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cache" / "batch-tokens.json"
    first = find_batch_tokens(model, file)
    assert first in (512, 1024, 2048)
    monkeypatch.setattr(model, "forward", None)  # would fail if it were measured again
    assert find_batch_tokens(model, file) == first


def test_another_device_or_model_is_measured_anew(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "batch-tokens.json"
    find_batch_tokens(model, file)
    monkeypatch.setattr(model, "fingerprint", lambda: "another")
    monkeypatch.setattr(warm_up, "fastest", lambda _: 77)
    assert find_batch_tokens(model, file) == 77


@pytest.fixture
def packed(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        pytest.skip("this PyTorch has no oneDNN")
    monkeypatch.setattr(prepacked_linear, "is_faster", lambda *_: True)
    return Model(find_artifact(str(tiny_model), None), "cpu", "float32", batch_tokens=400)


@pytest.fixture
def met(packed: Model, monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """Sizes that the model has computed, in order."""
    sizes, forward = [], packed.forward

    def watched(inputs: Inputs) -> torch.Tensor:
        sizes.append(inputs.ids.shape)
        return forward(inputs)

    monkeypatch.setattr(packed, "forward", watched)
    return sizes


def test_sizes_of_small_windows_are_met_before_the_first_text(packed: Model, met: list[torch.Size]) -> None:
    warm_up_shapes(packed)

    sizes = {packed.inputs([[TokenizedText([], [1] * tokens, truncated=False)]]).ids.shape for tokens in range(1, 97)}
    a_third = TokenizedText([], [1] * 32, truncated=False)
    for rows in range(1, 5):
        (batch,) = plan([a_third] * 3 * rows, packed.batch_tokens, packed.row_tokens)
        sizes.add(packed.inputs(batch).ids.shape)
    assert sizes <= set(met)


def test_numbers_of_texts_are_met_in_steps_too(packed: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, logits = [], cast("Any", packed._logits)
    dense = logits._dense

    def watched(firsts: torch.Tensor) -> torch.Tensor:
        texts.append(len(firsts))
        return cast("torch.Tensor", dense(firsts))

    monkeypatch.setattr(logits, "_dense", watched)
    warm_up_shapes(packed)
    met = set(texts)
    texts.clear()
    for count in range(1, 25):
        batches = plan([TokenizedText([], [1] * 16, truncated=False)] * count, packed.batch_tokens, packed.row_tokens)
        assert sum(len(packed.forward(packed.inputs(batch))) for batch in batches) == count
    assert set(texts) <= met


def test_meeting_them_takes_no_longer_than_it_is_worth(packed: Model, met: list[torch.Size]) -> None:
    packed.batch_tokens = 1_000_000
    warm_up_shapes(packed)
    assert max(rows * tokens for rows, tokens in met) <= 2048
    met.clear()
    times = iter([0.0, 1.0, 2.0, 4.0])
    warm_up_shapes(packed, lambda: next(times))
    assert met == [(1, 16), (1, 32), (1, 48)]


def test_a_size_that_memory_does_not_hold_ends_the_meeting_and_not_the_worker(
    packed: Model, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def scores(inputs: Inputs) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(packed, "forward", scores)
    warm_up_shapes(packed)
    assert [r.message for r in caplog.records if r.name == "worker.model.warm_up"] == ["batch_tokens_too_many"]


def test_plain_layers_have_no_sizes_to_meet(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "forward", None)  # would fail
    warm_up_shapes(model)


@pytest.mark.parametrize("content", [b"no json", b"[1]", b'{"x": "y"}'])
def test_a_cache_that_cannot_be_read_is_written_anew(content: bytes, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "batch-tokens.json"
    file.write_bytes(content)
    found = find_batch_tokens(model, file)
    assert f'"{model.fingerprint()}": {found}' in file.read_text()


def test_a_place_that_cannot_be_written_to_costs_the_measurement_only(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with caplog.at_level(logging.INFO):
        assert find_batch_tokens(model, tmp_path / "file" / "batch-tokens.json") in (512, 1024, 2048)
    own = [
        r.message for r in caplog.records if r.name == "worker.model.warm_up"
    ]  # a client of another test may still write
    assert own == ["batch_tokens_found", "batch_tokens_not_kept"]


def test_a_budget_that_memory_does_not_hold_is_not_taken(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = model.forward

    def scores(inputs):  # type: ignore[no-untyped-def]
        if inputs[0].numel() > 512:
            raise RuntimeError("out of memory")
        return forward(inputs)

    monkeypatch.setattr(model, "forward", scores)
    assert find_batch_tokens(model, tmp_path / "batch-tokens.json") == 512


def test_a_model_of_few_positions_is_measured_on_many_threads_too(
    model: Model, tmp_path: Path, torch_threads: Callable[[int], None]
) -> None:
    torch_threads(4)
    model.positions = 8
    assert find_batch_tokens(model, tmp_path / "batch-tokens.json") in (512, 1024, 2048)


def test_labels_in_another_dtype_are_compared_with_those_of_float32(tiny_model: Path, tmp_path: Path) -> None:
    from tests.harness.tiny_model import write_tiny_model

    settings = load_settings(model=str(tiny_model), device="cpu", dtype="float32")
    model, tokenizer = load_model(settings)
    other, _ = load_model(load_settings(model=str(write_tiny_model(tmp_path / "o", hidden_act="relu")), device="cpu"))
    assert different_labels(model, model, tokenizer) == 0
    assert MAX_DIFFERENT < different_labels(other, model, tokenizer) <= SAMPLES


@pytest.mark.parametrize(("different", "dtype"), [(1, "torch.bfloat16"), (2, "torch.float32")])
def test_a_dtype_whose_labels_differ_is_stepped_back_from_loudly(
    different: int, dtype: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(labelling, "different_labels", lambda *_: different)
    with caplog.at_level(logging.WARNING):
        model, _ = load_model(load_settings(model=str(tiny_model), device="cpu", dtype="bfloat16"))
    assert str(model.dtype) == dtype
    assert [r.message for r in caplog.records if r.name == "worker.labelling"] == ["dtype_stepped_back"] * (
        different > 1
    )


def test_a_dtype_that_cannot_hold_the_weights_is_stepped_back_from(
    tiny_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "large-weights"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    weights["classifier.bias"] += 1e5  # float16 ends at 65,504: no text has finite scores
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with caplog.at_level(logging.WARNING):
        model, _ = load_model(load_settings(model=str(folder), device="cpu", dtype="float16"))
    assert str(model.dtype) == "torch.float32"
    (record,) = [record for record in caplog.records if record.message == "dtype_stepped_back"]
    assert record.__dict__["different_labels"] == SAMPLES


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"XDG_CACHE_HOME": "/var/cache/x", "HOME": "/home/a"}, "/var/cache/x/emotion-labeller/batch-tokens.json"),
        ({"HOME": "/home/a"}, "/home/a/.cache/emotion-labeller/batch-tokens.json"),
    ],
)
def test_measurements_are_kept_where_caches_belong(
    variables: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(warm_up.cache_file()) == place
