"""The model: scores that are transformers' own, and a text that fails alone."""

import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    SqueezeBertConfig,
    SqueezeBertForSequenceClassification,
    pipeline,
)

from schemas.dead_letter import Reason
from schemas.manifest import ModelManifest, digest_files
from tests.harness.tiny_model import LABELS, POSITIONS, write_tiny_model
from worker.errors import DeviceFailedError, UserError
from worker.flow import Prediction, Rejected, Request, Row, TokenizedText, width
from worker.labelling import load_model
from worker.model import prepacked_linear
from worker.model.artifact import _BUNDLED, find_artifact
from worker.model.batcher import plan
from worker.model.checkpoint import Weights, read_encoder
from worker.model.encoder import EncoderLogits
from worker.model.encoder_shape import EncoderShape
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer
from worker.settings import load_settings

TEXTS = ["i feel fine", "WHAT a day!!", "", "?", "so " * 200, "\N{GRINNING FACE}", "a b c d e f g", "Café"] * 5


def load(folder: Path, dtype: str = "float32") -> tuple[Model, Tokenizer]:
    artifact = find_artifact(str(folder), None)
    model = Model(artifact, "cpu", dtype)
    return model, Tokenizer(artifact, model.positions)


def read(folder: Path) -> tuple[EncoderShape, Weights]:
    found = read_encoder(folder, torch.device("cpu"), torch.float32)
    assert found
    return found


def tensors_of(part: object) -> Iterator[torch.Tensor]:
    """All tensors that an object holds, however deep."""
    if isinstance(part, torch.Tensor):
        yield part
    elif isinstance(part, list):
        yield from chain.from_iterable(map(tensors_of, part))
    elif type(part).__module__.startswith("worker.model"):
        yield from chain.from_iterable(map(tensors_of, vars(part).values()))


def requests(texts: list[str]) -> list[Request]:
    return [Request(index, str(index), text, None) for index, text in enumerate(texts)]


def predict(
    model: Model, tokenizer: Tokenizer, texts: list[str], batch_tokens: int = 100
) -> list[Prediction | Rejected]:
    return list(model.predict(plan(tokenizer.tokenize(requests(texts)), batch_tokens, model.row_tokens)))


def by_index(predictions: list[Prediction | Rejected]) -> dict[int, list[float]]:
    return {p.request.index: p.scores for p in predictions if isinstance(p, Prediction)}


def test_scores_equal_those_of_the_transformers_pipeline(tiny_model: Path) -> None:
    reference = pipeline("text-classification", str(tiny_model), dtype=torch.float32, top_k=None)
    scores = by_index(predict(*load(tiny_model), TEXTS))
    assert sorted(scores) == list(range(len(TEXTS)))
    for index, text in enumerate(TEXTS):
        all_scores: Any = reference([text], truncation=True)[0]
        expected = {item["label"]: item["score"] for item in all_scores}
        assert dict(zip(LABELS, scores[index], strict=True)) == pytest.approx(expected, abs=1e-5)


def test_a_long_text_is_cut_to_what_the_model_takes_and_says_so(tiny_model: Path) -> None:
    _, tokenizer = load(tiny_model)
    short, full, long = tokenizer.tokenize(requests(["a", "a " * (POSITIONS - 2), "a " * (POSITIONS - 1)]))
    assert [len(item.ids) for item in (short, full, long)] == [3, POSITIONS, POSITIONS]
    assert [item.truncated for item in (short, full, long)] == [False, False, True]


def test_one_text_that_the_model_fails_on_never_costs_its_neighbours(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    (poison,) = tokenizer.tokenize(requests(["z q z"]))
    forward = model._scores

    def scores(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        if any(item.ids == poison.ids for row in batch for item in row):
            raise IndexError("index out of range in self")
        return forward(batch)

    monkeypatch.setattr(model, "_scores", scores)
    texts = [*TEXTS[:20], "z q z", *TEXTS[20:], "z q z"]
    poisoned = [20, len(texts) - 1]
    predictions = predict(model, tokenizer, texts, batch_tokens=10_000)
    rejected = [p for p in predictions if isinstance(p, Rejected)]
    assert rejected == [Rejected(index, Reason.MODEL_FAILED, "IndexError") for index in poisoned]
    assert sorted(by_index(predictions)) == [index for index in range(len(texts)) if index not in poisoned]


def test_a_text_that_a_window_holds_often_is_computed_once_and_answered_each_time(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    forward = model._scores
    computed: list[TokenizedText] = []

    def scores(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        computed.extend(item for row in batch for item in row)
        return forward(batch)

    monkeypatch.setattr(model, "_scores", scores)
    predictions = by_index(predict(model, tokenizer, ["so happy", "so sad", "so happy", "So happy", "so happy"]))
    assert len(computed) == 3
    assert sorted(predictions) == [0, 1, 2, 3, 4]
    assert predictions[0] == predictions[2] == predictions[4] != predictions[1]


def test_a_text_without_finite_scores_is_rejected_alone(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = load(tiny_model)
    forward = model._scores

    def scores(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        result = forward(batch).clone()
        result[[any(r.text == TEXTS[1] for item in row for r in item.requests) for row in batch for _ in row]] = float(
            "nan"
        )
        return result

    monkeypatch.setattr(model, "_scores", scores)
    predictions = predict(model, tokenizer, TEXTS[:8])
    assert [(p.index, p.reason) for p in predictions if isinstance(p, Rejected)] == [(1, Reason.MODEL_FAILED)]


def test_a_text_that_computes_to_nan_costs_no_neighbour_in_its_row(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model)
    whole = by_index(predict(model, tokenizer, TEXTS[:8]))
    (poison,) = tokenizer.tokenize(requests(["z"]))
    with torch.no_grad():
        cast("Any", model._logits)._words[poison.ids[1]] = float("nan")
    predictions = predict(model, tokenizer, [*TEXTS[:8], "z"])
    assert [p.index for p in predictions if isinstance(p, Rejected)] == [8]
    assert sorted(by_index(predictions)) == list(range(8))
    for index, scores in by_index(predictions).items():
        assert scores == pytest.approx(whole[index], abs=2e-6)


def test_texts_that_share_a_row_get_the_scores_that_they_get_alone(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model)
    texts = tokenizer.tokenize(requests([f"{'so ' * (index % 9)}{index}" for index in range(60)]))
    batches = list(plan(texts, 400, model.row_tokens))
    assert max(len(row) for batch in batches for row in batch) > 3
    together, alone = by_index(list(model.predict(batches))), by_index(list(model.predict([[t]] for t in texts)))
    assert sorted(together) == list(range(60))
    for index, scores in together.items():
        assert scores == pytest.approx(alone[index], abs=2e-6)


def test_the_last_layer_is_computed_for_first_tokens_only(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model)
    texts = tokenizer.tokenize(requests([letters * 10 for letters in "abcdef"]))
    inputs = model.inputs([[text] for text in texts])
    reference = AutoModelForSequenceClassification.from_pretrained(tiny_model).eval()
    with FlopCounterMode(display=False) as theirs:
        reference(input_ids=inputs.ids)
    with FlopCounterMode(display=False) as ours:
        model.forward(inputs)
    layer = reference.bert.encoder.layer[-1]
    after_attention = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    spared_tokens = inputs.ids.numel() - len(texts)
    spared = sum(2 * dense.weight.numel() for dense in after_attention) * spared_tokens
    assert theirs.get_total_flops() - ours.get_total_flops() == spared


def test_weights_are_held_once(tiny_model: Path) -> None:
    shape, weights = read(tiny_model)
    expected = sum(tensor.nbytes for tensor in weights.values())
    logits = EncoderLogits(shape, weights)
    assert weights == {}
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors_of(logits)}
    assert sum(held.values()) <= expected


def test_padding_is_computed_within_the_attention_only(tiny_model: Path) -> None:
    model, tokenizer = load(tiny_model)
    short, other, long = tokenizer.tokenize(requests(["a", "of b", "so " * 30]))

    def products(*batch: Row) -> int:
        with FlopCounterMode(display=False) as counter:
            model.forward(model.inputs(list(batch)))
        return int(counter.get_flop_counts()["Global"][torch.ops.aten.addmm])

    assert products([short, other], [long]) == products([short]) + products([other]) + products([long])
    together = by_index(list(model.predict([[[short, other], [long]]])))
    for index, scores in by_index(list(model.predict([[[short]], [[other]], [[long]]]))).items():
        assert together[index] == pytest.approx(scores, abs=2e-6)


HAS_ONEDNN = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")  # type: ignore[no-untyped-call]


@HAS_ONEDNN
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_packed_weights_give_the_same_scores(activation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tiny_model(tmp_path, hidden_act=activation)
    plain = by_index(predict(*load(folder), TEXTS))
    monkeypatch.setattr(prepacked_linear, "is_faster", lambda *_: True)
    model, tokenizer = load(folder)
    assert model.step_tokens > 1
    assert any(tensor.layout == torch._mkldnn for tensor in tensors_of(model._logits))  # type: ignore[attr-defined]
    packed = by_index(predict(model, tokenizer, TEXTS))
    for index, scores in plain.items():
        assert packed[index] == pytest.approx(scores, abs=2e-6)


@pytest.mark.skipif(
    not prepacked_linear.is_faster(torch.device("cpu"), torch.bfloat16), reason="this CPU does not compute in bfloat16"
)
def test_packed_weights_come_as_near_to_float32_as_plain_ones(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = by_index(predict(*load(tiny_model), TEXTS))

    def mean_error(model: Model, tokenizer: Tokenizer) -> float:
        scores = by_index(predict(model, tokenizer, TEXTS))
        return float((torch.tensor(list(scores.values())) - torch.tensor(list(exact.values()))).abs().mean())

    model, tokenizer = load(tiny_model, "bfloat16")
    assert model.step_tokens > 1
    packed = mean_error(model, tokenizer)
    monkeypatch.setattr(prepacked_linear, "is_faster", lambda *_: False)
    assert 0 < packed < 1.5 * mean_error(*load(tiny_model, "bfloat16")) < 0.02


def test_a_bert_that_is_part_of_a_decoder_is_left_to_transformers(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path, is_decoder=True)
    model, tokenizer = load(folder)
    assert model.row_tokens == 0
    reference = pipeline("text-classification", str(folder), dtype=torch.float32)
    scores = by_index(predict(model, tokenizer, TEXTS[:3]))
    for index, text in enumerate(TEXTS[:3]):
        best: Any = reference(text, truncation=True)
        assert max(scores[index]) == pytest.approx(best[0]["score"], abs=1e-5)


@pytest.mark.parametrize("is_packed", [False, pytest.param(True, marks=HAS_ONEDNN)])
@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_kin_of_bert_share_rows_too_and_count_positions_in_their_own_way(
    kind: str, is_packed: bool, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepacked_linear, "is_faster", lambda *_: is_packed)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model(
        kind, vocab_size=100, max_position_embeddings=POSITIONS + 1, pad_token_id=0, initializer_range=0.4, **size
    )
    config.id2label = dict(enumerate(LABELS))
    cast("Any", AutoModelForSequenceClassification).from_config(config).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / file, tmp_path)
    model, tokenizer = load(tmp_path)
    texts = [*TEXTS[:8], "padding [PAD] [PAD] in the text", "[PAD]"]
    batches = list(plan(tokenizer.tokenize(requests(texts)), 400, model.row_tokens))
    assert any(len(row) > 1 for batch in batches for row in batch)
    scores = by_index(list(model.predict(batches)))
    reference = pipeline("text-classification", str(tmp_path), dtype=torch.float32, top_k=None)
    for index, text in enumerate(texts):
        all_scores: Any = reference([text], truncation=True)[0]
        expected = {item["label"]: item["score"] for item in all_scores}
        assert dict(zip(LABELS, scores[index], strict=True)) == pytest.approx(expected, abs=1e-5)


def test_a_model_of_another_kind_gets_one_text_a_row(tmp_path: Path, tiny_model: Path) -> None:
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = SqueezeBertConfig(vocab_size=200, embedding_size=32, id2label=dict(enumerate(LABELS)), **size)  # type: ignore[arg-type]
    SqueezeBertForSequenceClassification(config).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / file, tmp_path)
    model, tokenizer = load(tmp_path)
    assert model.row_tokens == 0
    assert sorted(by_index(predict(model, tokenizer, TEXTS))) == list(range(len(TEXTS)))


def test_a_model_without_finite_scores_for_any_text_ends_the_process(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    monkeypatch.setattr(model, "_scores", lambda batch: torch.full((sum(map(len, batch)), 6), float("nan")))
    with pytest.raises(DeviceFailedError, match="no finite scores for any text"):
        predict(model, tokenizer, TEXTS)


def test_a_broken_device_ends_the_process(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = load(tiny_model)

    def broken(_: list) -> torch.Tensor:  # type: ignore[type-arg]
        raise torch.AcceleratorError("device-side assert triggered")

    monkeypatch.setattr(model, "_scores", broken)
    with pytest.raises(DeviceFailedError, match="AcceleratorError: device-side assert triggered"):
        predict(model, tokenizer, ["a", "b"])


def test_a_machine_that_fails_on_any_text_ends_the_process_and_no_text_is_blamed(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    forward = model._scores

    def exhausted(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        if max(len(item.ids) for row in batch for item in row) > 10:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return forward(batch)

    monkeypatch.setattr(model, "_scores", exhausted)
    with pytest.raises(DeviceFailedError, match="can't allocate memory"):
        predict(model, tokenizer, ["a", "b", "quite a long text for once"])


def test_memory_that_holds_not_even_one_text_ends_the_process(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)

    def full(_: list) -> torch.Tensor:  # type: ignore[type-arg]
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(model, "_scores", full)
    with pytest.raises(DeviceFailedError, match="OutOfMemoryError: out of memory"):
        predict(model, tokenizer, ["a", "b"])


def test_a_batch_that_memory_does_not_hold_makes_later_ones_smaller(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    model.batch_tokens = 400
    forward = model._scores
    largest = []

    def scores(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        tokens = sum(map(width, batch))
        largest.append(tokens)
        if tokens > 100:
            raise torch.OutOfMemoryError("out of memory")
        return forward(batch)

    monkeypatch.setattr(model, "_scores", scores)
    texts = [f"{'so ' * (index % 20)}{index}" for index in range(60)]
    while True:
        largest.clear()
        predictions = predict(model, tokenizer, texts, model.batch_tokens)
        assert sorted(by_index(predictions)) == list(range(len(texts)))
        if max(largest) <= 100:
            break
    assert 64 <= model.batch_tokens <= 100


@pytest.mark.parametrize(("before", "after"), [(400, 200), (40, 40)])
def test_memory_that_ran_out_once_costs_no_text(
    before: int, after: int, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(tiny_model)
    forward = model._scores
    failing = iter([True, True])

    def scores(batch: list) -> torch.Tensor:  # type: ignore[type-arg]
        if next(failing, False):
            raise torch.OutOfMemoryError("out of memory")
        return forward(batch)

    monkeypatch.setattr(model, "_scores", scores)
    model.batch_tokens = before
    predictions = predict(model, tokenizer, ["one", "two"], before)
    assert sorted(by_index(predictions)) == [0, 1]
    assert model.batch_tokens == after


def test_an_encoder_that_was_never_fine_tuned_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    folder = tmp_path / "encoder"
    model.bert.save_pretrained(folder)
    with pytest.raises(UserError, match="holds an encoder without a classification head"):
        load(folder)


def test_a_folder_without_a_manifest_is_named_by_itself_and_its_files(tiny_model: Path, tmp_path: Path) -> None:
    first = load(tiny_model)[0].info
    other = load(write_tiny_model(tmp_path / "other", hidden_act="relu"))[0].info
    assert (first.name, other.name) == ("tiny", "other")
    assert first.revision.startswith("sha256:")
    assert first.revision != other.revision
    assert first.confident_score is None


@pytest.mark.parametrize(("of_the_manifest", "set_to", "used"), [(0.7, None, 0.7), (0.7, 0.0, 0.0), (None, 0.9, 0.9)])
def test_the_setting_wins_over_the_threshold_of_the_manifest(
    tiny_model: Path, tmp_path: Path, of_the_manifest: float | None, set_to: float | None, used: float
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    bundled = ModelManifest.read(_BUNDLED)
    assert bundled is not None
    bundled.model_copy(update={"files": digest_files(folder), "confident_score": of_the_manifest}).write(folder)

    model, _ = load_model(load_settings(model=str(folder), device="cpu", confident_score=set_to))

    assert model.info.confident_score == used


@pytest.mark.parametrize("name", ["no/such-model", "no such model at all", "nothing"])
def test_a_model_that_cannot_be_found_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=f"EMOTION_MODEL: {name} is no folder"):
        find_artifact(name, None)


def test_a_gpu_that_is_not_there_is_named(tiny_model: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="this machine has no cuda"):
        Model(find_artifact(str(tiny_model), None), "cuda", "auto")


def test_the_bundled_model_labels_what_is_plain() -> None:
    model, tokenizer = load(_BUNDLED)
    texts = {
        "i feel so happy and content with my life": "joy",
        "i am feeling so lonely and miserable": "sadness",
        "i feel so angry and irritated with him": "anger",
        "i feel terrified of what may come": "fear",
        "i was really amazed and surprised by it": "surprise",
        "i feel so tender and caring towards my little one": "love",
    }
    scores = by_index(predict(model, tokenizer, list(texts)))
    labels = [model.info.labels[max(range(6), key=scores[index].__getitem__)] for index in range(len(texts))]
    assert labels == list(texts.values())


def test_texts_get_the_same_scores_when_batches_go_side_by_side(
    tiny_model: Path, torch_threads: Callable[[int], None]
) -> None:
    model, tokenizer = load(tiny_model)
    texts = [f"{'so ' * (index % 9)}{index}" for index in range(300)]
    scores = []
    for threads in (1, 3):
        torch_threads(threads)
        scores.append(by_index(predict(model, tokenizer, texts, 100)))
    assert sorted(scores[1]) == list(range(300))
    for index, alone in scores[0].items():
        assert scores[1][index] == pytest.approx(alone, abs=2e-6)
