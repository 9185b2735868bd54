"""Each family of encoders that we compute ourselves has the scores of transformers' own model."""

import json
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from worker.flow import TokenizedText
from worker.model import prepacked_linear
from worker.model.batcher import plan
from worker.model.checkpoint import read_encoder
from worker.model.classifier import Classifier
from worker.model.encoder import encoder_classifier
from worker.model.encoder_shape import EncoderShape
from worker.model.packing import make_inputs

CPU = torch.device("cpu")
WORDS, LABELS = 90, 5
LENGTHS = (1, 3, 9, 10, 40, 70, 96, 200, 2, 5, 17)  # of texts: several share a row, and two are wider than most rows
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
DISTILBERT = {"model_type": "distilbert", "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
MPNET = {"model_type": "mpnet", "pad_token_id": 1}
ALBERT = {"model_type": "albert", "embedding_size": 16}
MODERNBERT = {"model_type": "modernbert", "num_hidden_layers": 4, "local_attention": 16} | dict.fromkeys(
    ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0
)
DEBERTA = {
    "model_type": "deberta-v2",
    "relative_attention": True,
    "position_buckets": 16,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": "p2c|c2p",
    "position_biased_input": False,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "BERT with ReLU": {"model_type": "bert", "hidden_act": "relu"},
    "BERT with an approximate GELU": {"model_type": "bert", "hidden_act": "gelu_new"},
    "RoBERTa": {"model_type": "roberta", "pad_token_id": 1},
    "XLM-R": {"model_type": "xlm-roberta", "pad_token_id": 1},
    "CamemBERT": {"model_type": "camembert", "pad_token_id": 1},
    "DistilBERT": DISTILBERT,
    "DistilBERT with ReLU": DISTILBERT | {"activation": "relu"},
    "ELECTRA": {"model_type": "electra", "embedding_size": 32},
    "ELECTRA small": {"model_type": "electra", "embedding_size": 16},
    "MPNet": MPNET,
    "ALBERT": ALBERT,
    "ALBERT of several groups": ALBERT | {"num_hidden_layers": 4, "num_hidden_groups": 2, "inner_group_num": 2},
    "ALBERT, not factorized": ALBERT | {"embedding_size": 32, "hidden_act": "gelu"},
    "ModernBERT": MODERNBERT,
    "ModernBERT, mean": MODERNBERT | {"classifier_pooling": "mean"},
    "ModernBERT with ReLU": MODERNBERT | {"hidden_activation": "relu"},
    "DeBERTa-v3": DEBERTA,
    "DeBERTa-v3, a number for each distance": DEBERTA | {"position_buckets": -1},
}
HAS_ONEDNN = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")  # type: ignore[no-untyped-call]


def write(folder: Path, said: dict[str, Any]) -> Any:
    """Transformers' own model with random weights, biases and norms; the folder holds it."""
    shape = {} if said["model_type"] == "distilbert" else SIZE
    config = AutoConfig.for_model(
        **{"vocab_size": WORDS, "max_position_embeddings": 210, "num_labels": LABELS, "pad_token_id": 0} | shape | said
    )
    torch.manual_seed(3)
    model: Any = cast("Any", AutoModelForSequenceClassification).from_config(config).eval()
    for weight in model.parameters():
        weight.data += torch.randn_like(weight) * 0.3
    model.save_pretrained(folder)
    return model


def ours(folder: Path, dtype: torch.dtype = torch.float32) -> Classifier:
    found = read_encoder(folder, CPU, dtype)
    assert found
    classifier = encoder_classifier(*found)
    assert found[1] == {}
    return classifier


def texts() -> list[TokenizedText]:
    torch.manual_seed(5)
    return [TokenizedText([], torch.randint(2, WORDS, (length,)).tolist(), truncated=False) for length in LENGTHS]


@torch.inference_mode()
def scores(classifier: Classifier) -> dict[int, torch.Tensor]:
    """Of each text by its id, computed in batches of rows of several texts, and rows that are padded."""
    batches = plan(texts(), 400, classifier.row_tokens)
    assert any(len(row) > 1 for batch in batches for row in batch)
    found: dict[int, torch.Tensor] = {}
    for batch in batches:
        logits = classifier.logits(make_inputs(batch, classifier.pad_id, CPU, classifier.step_tokens))
        found |= dict(zip([len(t.ids) for t in chain.from_iterable(batch)], logits.float().softmax(1), strict=True))
    return found


@torch.inference_mode()
def their_scores(model: Any) -> dict[int, torch.Tensor]:
    """Of each text by its length, alone."""
    return {len(text.ids): model(input_ids=torch.tensor([text.ids])).logits[0].softmax(0) for text in texts()}


@pytest.mark.parametrize("is_packed", [False, pytest.param(True, marks=HAS_ONEDNN)])
@pytest.mark.parametrize("said", FAMILIES.values(), ids=FAMILIES)
def test_scores_are_those_of_transformers(
    said: dict[str, Any], is_packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepacked_linear, "is_faster", lambda *_: is_packed)
    expected = their_scores(write(tmp_path, said))
    every = torch.stack(list(expected.values()))
    assert (every.amax(0) - every.amin(0)).max() > 0.1  # what a text says matters
    for length, found in scores(ours(tmp_path)).items():
        assert torch.allclose(found, expected[length], atol=1e-5, rtol=0), length


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["DistilBERT", "MPNet", "ALBERT", "ModernBERT, mean", "DeBERTa-v3"])
def test_other_number_formats_come_as_near_to_float32_as_with_transformers(
    name: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = write(tmp_path, FAMILIES[name])
    exact = their_scores(model)

    def mean_error(found: dict[int, torch.Tensor]) -> float:
        return float(torch.stack([(found[length].float() - exact[length]).abs() for length in exact]).mean())

    assert mean_error(scores(ours(tmp_path, dtype))) < 1.5 * mean_error(their_scores(model.to(dtype)))


@pytest.mark.parametrize("name", ["ALBERT of several groups", "ELECTRA small", "ModernBERT", "DeBERTa-v3"])
def test_matrix_weights_count_a_layer_as_often_as_it_is_used(name: str, tmp_path: Path) -> None:
    model = write(tmp_path, FAMILIES[name])
    used: list[int] = []
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda linear, *_: used.append(linear.weight.numel()))
    model(input_ids=torch.tensor([[5, 6, 7]]))
    of_distances = 2 * 2 * 32 * 32 if name == "DeBERTa-v3" else 0  # in each layer; ours are computed once, at the start
    assert ours(tmp_path).matrix_weights == sum(used) - of_distances


def test_a_text_that_computes_to_nan_costs_no_neighbour_the_mean_of_its_tokens(tmp_path: Path) -> None:
    write(tmp_path, FAMILIES["ModernBERT, mean"])
    classifier = ours(tmp_path)
    cast("Any", classifier.logits)._words[89] = torch.nan
    text, poison = TokenizedText([], [5, 6], truncated=False), TokenizedText([], [89], truncated=False)
    with torch.inference_mode():
        found = classifier.logits(make_inputs([[text], [poison]], 0, CPU))
        alone = classifier.logits(make_inputs([[text]], 0, CPU))
    assert torch.allclose(found[0], alone[0], atol=1e-5)
    assert found[1].isnan().all()


def test_older_words_of_a_modernbert_say_the_same(tmp_path: Path) -> None:
    write(tmp_path, MODERNBERT)
    config = json.loads((tmp_path / "config.json").read_bytes())
    older = {name: value for name, value in config.items() if name not in ("layer_types", "rope_parameters")}
    older |= {"global_attn_every_n_layers": 3, "global_rope_theta": 160_000.0, "local_rope_theta": 10_000.0}
    assert EncoderShape.of(older) == EncoderShape.of(config)
    assert EncoderShape.of(older | {"global_attn_every_n_layers": 2}) != EncoderShape.of(config)


@pytest.mark.parametrize(
    ("said", "other"),
    [
        (DISTILBERT, {"activation": "silu"}),
        (DISTILBERT, {"num_attention_heads": 4}),
        (MPNET, {"relative_attention_num_buckets": 64}),
        (MPNET, {"pad_token_id": 0}),
        ({"model_type": "electra"}, {"is_decoder": True}),
        ({"model_type": "roberta"}, {"position_embedding_type": "relative_key"}),
        (MODERNBERT, {"mlp_bias": True}),
        (MODERNBERT, {"classifier_pooling": "max"}),
        (MODERNBERT, {"layer_types": ["full_attention"]}),
        (MODERNBERT, {"rope_parameters": None, "global_rope_theta": 1e4, "local_rope_theta": None}),
        (MODERNBERT, {"rope_parameters": {"full_attention": {"rope_theta": 1e4, "rope_type": "yarn"}}}),
        (DEBERTA, {"share_att_key": False}),
        (DEBERTA, {"pos_att_type": ["c2p"]}),
        (DEBERTA, {"conv_kernel_size": 3}),
        (DEBERTA, {"norm_rel_ebd": "none"}),
        (DEBERTA, {"layer_norm_eps": None}),
    ],
)
def test_what_we_do_not_compute_is_left_to_transformers(
    said: dict[str, Any], other: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path, said)
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert EncoderShape.of(config)
    assert EncoderShape.of(config | other) is None


def test_a_size_that_each_family_has_its_own_default_for_has_to_be_said(tmp_path: Path) -> None:
    write(tmp_path, DEBERTA)
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert config.pop("layer_norm_eps") == 1e-7
    assert EncoderShape.of(config) is None


def test_a_word_that_modernbert_does_not_read_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, MODERNBERT)
    config = json.loads((tmp_path / "config.json").read_bytes())
    assert EncoderShape.of(config | {"position_embedding_type": "sans_pos"}) == EncoderShape.of(config)


@pytest.mark.parametrize(
    ("problem_type", "labels", "is_ours"),
    [
        ("multi_label_classification", 5, True),
        ("multi_label_classification", 1, True),
        ("single_label_classification", 1, True),
        ("regression", 5, False),
        (None, 1, False),
    ],
)
def test_outputs_may_be_labels_of_their_own_but_no_regression(
    problem_type: str | None, labels: int, is_ours: bool, tmp_path: Path
) -> None:
    write(tmp_path, {"model_type": "bert"})
    config = json.loads((tmp_path / "config.json").read_bytes())
    shape = EncoderShape.of(
        config | {"problem_type": problem_type, "id2label": {str(n): f"label {n}" for n in range(labels)}}
    )
    assert (shape is not None) == is_ours
