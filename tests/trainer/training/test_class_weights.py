"""Labels that hardly occur: class weights, and epochs that draw all labels equally often."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import one_hot

from tests.trainer.conftest import LEARNING, Train, write_text_file
from trainer.data.rows import Row
from trainer.errors import UserError
from trainer.preprocessing.augmentation import Augmentation
from trainer.preprocessing.tokenizer import load_tokenizer
from trainer.training.batch_order import EpochRows
from trainer.training.class_weights import class_weights
from trainer.training.loss import BinaryCrossEntropy, CrossEntropy
from trainer.training.training_set import TrainingSet

IDS = np.array([0] * 6 + [1] * 2 + [2])
NAMES = ["joy", "anger", "fear"]


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    ours = class_weights(["balanced"], NAMES, np.eye(3)[IDS], several=False)

    assert ours == pytest.approx(compute_class_weight("balanced", classes=np.arange(3), y=IDS))


def test_balanced_weights_of_several_labels_are_texts_without_by_texts_with() -> None:
    flags = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0]], dtype=float)

    assert class_weights(["balanced"], NAMES, flags, several=True) == pytest.approx([1 / 3, 3, 1])


def test_weights_that_are_given_go_to_their_labels_and_others_are_refused() -> None:
    texts = np.eye(3)[IDS]

    assert class_weights(["fear=2.5", "joy=.5"], NAMES, texts, several=False) == [0.5, 1.0, 2.5]
    for wrong in ("sad=2", "joy", "joy=0", "joy=-1", "joy=nan", "balance"):
        with pytest.raises(UserError, match=f"--class-weights {wrong}: give balanced, or labels each with a weight"):
            class_weights([wrong], NAMES, texts, several=False)
    with pytest.raises(UserError, match=r"--class-weights joy=2 joy=3: joy is given twice; give each label one weight"):
        class_weights(["joy=2", "joy=3"], NAMES, texts, several=False)


def test_a_label_that_no_text_has_or_each_weighs_1() -> None:
    flags = np.array([[1, 0, 1], [1, 0, 0]], dtype=float)

    assert class_weights(["balanced"], NAMES, flags, several=True) == [1, 1, 1]
    assert class_weights(["balanced"], NAMES, flags[:, [0, 1, 1]], several=False) == pytest.approx([1 / 3, 1, 1])


def test_the_loss_of_training_is_weighted_and_that_of_validation_is_not() -> None:
    logits = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    ids, weights = torch.tensor(IDS), [0.5, 2.0, 3.0]
    losses = torch.nn.functional.cross_entropy(logits, ids, reduction="none")

    loss = CrossEntropy(0.0, weights)

    assert loss({"logits": logits}, one_hot(ids, 3).float()).item() == pytest.approx(
        (losses * torch.tensor(weights)[ids]).mean().item(), abs=1e-6
    )
    assert loss({"logits": logits}, ids).item() == pytest.approx(losses.mean().item(), abs=1e-6)


def test_the_loss_of_several_labels_weights_the_texts_that_have_them() -> None:
    logits, flags = torch.zeros(1, 2), torch.tensor([[1, 0]])

    loss = BinaryCrossEntropy(0.0, [3.0, 5.0])

    assert loss({"logits": logits}, flags.float()).item() == pytest.approx(2 * np.log(2), abs=1e-6)
    assert loss({"logits": logits}, flags).item() == pytest.approx(np.log(2), abs=1e-6)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_balanced_epoch_draws_all_labels_equally_often_and_the_same_after_a_resume(
    batch_size: int | None, cased_base: Path
) -> None:
    rows = [Row("d.txt", "happy " * (1 + number), "joy") for number in range(len(IDS))]
    dataset = TrainingSet(
        load_tokenizer(cased_base), rows, IDS.tolist(), augmentation=Augmentation(), seed=1, balanced=IDS.tolist()
    )

    def epoch(number: int) -> list[int]:
        dataset.begin_epoch(number)
        return list(EpochRows(dataset, batch_size, seed=1))

    first, second = epoch(0), epoch(1)
    for drawn in (first, second):
        assert Counter(IDS[drawn]) == {0: 3, 1: 3, 2: 3}
        assert set(drawn) >= {6, 7, 8}  # those of the labels that hardly occur are all there
    assert first != second
    assert epoch(1) == second


@pytest.fixture(scope="module")
def imbalanced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which texts of one word are anger once in four times, else joy, and of another one joy."""
    folder = tmp_path_factory.mktemp("imbalanced")
    rows = [("i feel shaky", "anger" if number % 4 == 0 else "joy") for number in range(24)]
    rows += [("i feel happy", "joy")] * 66
    for split in ("train", "validation"):
        write_text_file(folder / f"{split}.txt", rows)
    return folder


@pytest.mark.parametrize(("option", "recall"), [(None, 0.0), ("class_weights", 1.0), ("resample", 1.0)])
def test_balance_raises_the_recall_of_a_label_that_hardly_occurs(
    option: str | None, recall: float, imbalanced: Path, train: Train, cased_base: Path
) -> None:
    balance = [f"--{option}", "balanced"] if option else []

    artifact = train(
        "--model", str(cased_base), "--data", str(imbalanced), *LEARNING, "--learning_rate", "3e-3", *balance
    )

    manifest = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["metrics"]["validation"]["labels"]["anger"]["recall"] == recall
    if option:
        assert manifest["recipe"][option] == "balanced"
        assert f"| {option} | balanced |" in (artifact / "README.md").read_text(encoding="utf-8")
