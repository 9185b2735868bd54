"""The base model of a training: which of its layers are kept, and what of a head."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertModel,
)

from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL, ProblemType
from tests.trainer.conftest import Train
from trainer.artifact.loading import names_of
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


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fine-tuned classifier of two labels."""
    folder = tmp_path_factory.mktemp("classifier")
    config = DistilBertConfig(
        vocab_size=30, dim=16, n_layers=2, n_heads=2, hidden_dim=32, id2label=dict(enumerate(NAMES))
    )
    DistilBertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("problem_type", [SINGLE_LABEL, MULTI_LABEL])
@pytest.mark.parametrize("names", [["up"], ["up", "down"], ["fear", "joy"], ["up", "down", "flat"]])
def test_a_classifier_of_other_labels_gives_its_encoder_and_no_output(
    names: list[str], problem_type: ProblemType, classifier: Path
) -> None:
    model = load_base_model(str(classifier), names, problem_type=problem_type)

    assert (model.config.problem_type, names_of(model)) == (problem_type, names)
    before = DistilBertForSequenceClassification.from_pretrained(classifier)
    for name, weights in before.base_model.state_dict().items():
        assert torch.equal(model.base_model.state_dict()[name], weights)
    ours, theirs = (set(each.state_dict()["classifier.weight"].flatten().tolist()) for each in (model, before))
    assert not ours & theirs


def test_a_classifier_of_the_same_labels_goes_on_with_its_outputs(classifier: Path) -> None:
    model = load_base_model(str(classifier), NAMES)

    before = DistilBertForSequenceClassification.from_pretrained(classifier)
    assert all(torch.equal(model.state_dict()[name], weights) for name, weights in before.state_dict().items())


@pytest.mark.parametrize("layers", [[4], [-1, 2], [2, 0], [1, 1]])
def test_layers_that_there_are_not_are_refused(layers: list[int], deeper_base: Path) -> None:
    with pytest.raises(UserError, match=r"^--layers .*: give numbers from 0 to 3, each once, in rising order$"):
        load_base_model(str(deeper_base), NAMES, layers)


def test_an_artifact_of_fewer_layers_is_read_by_others(train: Train, base_options: list[str]) -> None:
    artifact = train(*base_options, "--layers", "1")
    model = AutoModelForSequenceClassification.from_pretrained(artifact)
    assert model.config.num_hidden_layers == 1
    assert '"layers": "1"' in (artifact / "manifest.json").read_text()
