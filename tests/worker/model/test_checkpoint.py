"""Classifiers of the known families are read without transformers, as transformers makes them of the same files."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging

from tests.harness.tiny_model import LABELS, POSITIONS, write_tiny_model
from worker.errors import UserError
from worker.flow import TokenizedText
from worker.model.any_architecture import load_any
from worker.model.artifact import find_artifact
from worker.model.checkpoint import read_encoder
from worker.model.loading import load_classifier
from worker.model.packing import make_inputs

CPU = torch.device("cpu")
# `import torch` brings some parts of torch.distributed itself.
UNWANTED = ("transformers", "torch._dynamo", "torch._inductor", "torch.distributed.tensor", "sympy", "scipy", "triton")
HEAVY = (*UNWANTED, "huggingface_hub", "sklearn", "matplotlib", "datasets", "pandas")


def write_kin(folder: Path, kind: str, **options: object) -> Path:
    """A classifier of this kind, with the tokenizer of the tiny model."""
    write_tiny_model(folder)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    options = size | {"pad_token_id": 0} | options
    config = AutoConfig.for_model(
        kind, vocab_size=90, max_position_embeddings=POSITIONS, initializer_range=0.4, **options
    )
    config.id2label = dict(enumerate(LABELS))
    torch.manual_seed(3)
    cast("Any", AutoModelForSequenceClassification).from_config(config).save_pretrained(folder)
    return folder


def logits(classifier: Any, seed: int = 5) -> torch.Tensor:
    """Of some texts, two of them in a row of their own length."""
    torch.manual_seed(seed)
    texts = [TokenizedText([], torch.randint(5, 90, (length,)).tolist(), truncated=False) for length in (3, 9, 9, 40)]
    return torch.cat(
        [
            classifier.logits(make_inputs([[text]], classifier.pad_id, CPU, classifier.step_tokens)).float()
            for text in texts
        ]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta"])
def test_both_ways_to_read_a_classifier_give_the_same(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    folder = write_kin(tmp_path, kind)
    assert read_encoder(folder, CPU, dtype)
    ours, theirs = (
        load_classifier(find_artifact(str(folder), None), CPU, dtype),
        load_any(find_artifact(str(folder), None), CPU, dtype),
    )
    assert torch.allclose(logits(ours), logits(theirs), atol=1e-5 if dtype == torch.float32 else 0.05)
    for field in ("labels", "pad_id", "positions", "matrix_weights", "row_tokens", "step_tokens"):
        assert getattr(ours, field) == getattr(theirs, field)
    reference: Any = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    assert ours.matrix_weights == sum(
        module.weight.numel() for module in reference.modules() if isinstance(module, torch.nn.Linear)
    )
    if dtype == torch.float32:
        ids = torch.tensor([[0, 17, 23, 56, 2]])
        text = TokenizedText([], ids[0].tolist(), truncated=False)
        found = ours.logits(make_inputs([[text]], ours.pad_id, CPU, ours.step_tokens))
        assert torch.allclose(found, reference(input_ids=ids).logits, atol=1e-5)


def test_labels_that_nobody_named_are_named_alike(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path, id2label=None)
    config = json.loads((folder / "config.json").read_bytes())
    assert "id2label" not in config
    assert read_encoder(folder, CPU, torch.float32)
    ours = load_classifier(find_artifact(str(folder), None), CPU, torch.float32)
    assert (
        ours.labels
        == load_any(find_artifact(str(folder), None), CPU, torch.float32).labels
        == {0: "LABEL_0", 1: "LABEL_1"}
    )


def change_config(**options: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_bytes()) | options))

    return change


def change_weights(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file(change(load_file(file)), file, {"format": "pt"})

    return changed


def older_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    def older(name: str) -> str:
        return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")

    return {older(name): tensor for name, tensor in weights.items()}


@pytest.mark.parametrize(
    "change",
    [
        change_weights(older_names),
        change_config(hidden_act="silu"),
        change_config(is_decoder=True),
        change_config(model_type="distilbert"),
    ],
    ids=["names of old", "another activation", "a decoder", "another kind"],
)
def test_what_is_not_plainly_of_this_kind_is_left_to_transformers(
    change: Callable[[Path], None], tiny_model: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    change(folder)
    assert read_encoder(folder, CPU, torch.float32) is None


def test_weights_with_names_of_old_give_the_same_scores(tmp_path: Path) -> None:
    folders = [write_kin(tmp_path / "new", "bert"), write_kin(tmp_path / "old", "bert")]
    change_weights(older_names)(folders[1])
    new, old = (load_classifier(find_artifact(str(folder), None), CPU, torch.float32) for folder in folders)
    assert torch.allclose(logits(new), logits(old), atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        change_weights(lambda weights: {name: t for name, t in weights.items() if name != "classifier.bias"}),
        change_config(id2label={"0": "only"}, num_labels=1),
        lambda folder: (folder / "model.safetensors").write_bytes(b"no weights"),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "config.json").write_bytes(b"{"),
        change_config(num_hidden_layers="two"),
        change_config(id2label=["a", "b"]),
    ],
    ids=["a bias", "regression", "no safetensors", "no weights", "no JSON", "layers", "labels"],
)
def test_what_is_wrong_is_said_as_before(change: Callable[[Path], None], tiny_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    change(folder)
    assert read_encoder(folder, CPU, torch.float32) is None
    done = subprocess.run(
        [sys.executable, "-m", "worker", "label", "--format", "text"],
        input="a text",
        capture_output=True,
        text=True,
        env={"EMOTION_MODEL": str(folder), "PATH": "/usr/bin"},
    )
    assert done.returncode == 2
    assert "emotion-worker: EMOTION_MODEL: " in done.stderr
    assert "Traceback" not in done.stderr


def test_an_encoder_alone_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model: Any = AutoModelForSequenceClassification.from_pretrained(tiny_model)
    model.bert.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="train it first"):
        load_classifier(find_artifact(str(tmp_path), None), CPU, torch.float32)


LABEL = """
import io, sys
from worker.__main__ import main
sys.argv[1:] = ["label", "--format", "text"]
sys.stdin = io.TextIOWrapper(io.BytesIO(b"i am so happy\\n"))
code = main()
print([name for name in {names} if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def test_a_served_model_of_this_kind_needs_none_of_what_is_heavy_beside_torch(tmp_path: Path) -> None:
    code = LABEL.format(names=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert json.loads(done.stdout)["label"] == "joy"
    assert done.stderr.splitlines()[-1] == "[]"


def test_transformers_prints_as_before_once_a_model_is_loaded(tmp_path: Path) -> None:
    before = (logging.get_verbosity(), logging.is_progress_bar_enabled())

    load_any(find_artifact(str(write_kin(tmp_path, "bert")), None), CPU, torch.float32)

    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
