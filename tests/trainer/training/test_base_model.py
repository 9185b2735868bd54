"""The base model of a training: which of its layers are kept."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, DistilBertConfig, DistilBertModel

from tests.trainer.conftest import Train
from trainer.errors import UserError
from trainer.training.base_model import load_base_model

NAMES = ["joy", "fear"]


@pytest.fixture(scope="module")
def deeper_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "distilbert"
    DistilBertModel(DistilBertConfig(vocab_size=30, dim=16, n_layers=4, n_heads=2, hidden_dim=32)).save_pretrained(
        folder
    )
    return folder


def test_the_layers_that_are_kept_are_those_of_the_base_in_its_order(deeper_base: Path) -> None:
    whole, part = (load_base_model(str(deeper_base), NAMES, layers) for layers in (None, [0, 3]))
    assert part.config.num_hidden_layers == 2
    stacks = [dict(model.base_model.named_modules())["transformer.layer"] for model in (whole, part)]
    for kept, layer in zip(stacks[1], (stacks[0][0], stacks[0][3]), strict=True):
        for name, weights in kept.state_dict().items():
            assert torch.equal(weights, layer.state_dict()[name])


@pytest.mark.parametrize("layers", [[4], [-1, 2], [2, 0], [1, 1]])
def test_layers_that_there_are_not_are_refused(layers: list[int], deeper_base: Path) -> None:
    with pytest.raises(UserError, match=r"^--layers .*: give numbers from 0 to 3, each once, in rising order$"):
        load_base_model(str(deeper_base), NAMES, layers)


def test_an_artifact_of_fewer_layers_is_read_by_others(train: Train, base_options: list[str]) -> None:
    artifact = train(*base_options, "--layers", "1")
    model = AutoModelForSequenceClassification.from_pretrained(artifact)
    assert model.config.num_hidden_layers == 1
    assert '"layers": "1"' in (artifact / "manifest.json").read_text()
