"""The loss of hard and soft targets."""

from pathlib import Path

import pytest
import torch
from torch.nn.functional import one_hot
from transformers import AutoModelForSequenceClassification
from transformers.trainer_pt_utils import LabelSmoother

from trainer.training.loss import BinaryCrossEntropy, CrossEntropy

LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))

IDS = torch.tensor([0, 3, 1, 1, 2, 0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_one_hot_targets_is_that_of_transformers(smoothing: float) -> None:
    theirs = LabelSmoother(smoothing)({"logits": LOGITS}, IDS)

    ours = CrossEntropy(smoothing)({"logits": LOGITS}, one_hot(IDS, 4).float())

    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


def test_the_loss_of_ids_is_that_of_transformers(cased_base: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(cased_base, num_labels=4)
    ids, targets = torch.randint(5, 40, (6, 9)), IDS

    outputs = model(input_ids=ids, labels=targets)

    assert CrossEntropy(0.1)(outputs, targets).item() == pytest.approx(outputs.loss.item(), abs=1e-6)


@pytest.mark.parametrize("targets", [IDS, one_hot(IDS, 4).float()], ids=["ids", "shares"])
def test_the_losses_of_a_steps_batches_sum_to_that_of_one(targets: torch.Tensor) -> None:
    loss = CrossEntropy(0.0)
    parts = [loss({"logits": LOGITS[part]}, targets[part], targets.numel()) for part in (slice(2), slice(2, 6))]

    assert sum(parts).item() == pytest.approx(loss({"logits": LOGITS}, targets).item(), abs=1e-6)  # type: ignore[union-attr]


def test_the_loss_is_least_where_the_scores_are_the_target() -> None:
    target = torch.tensor([[0.7, 0.2, 0.1, 0.0]])
    logits = target.clamp(min=1e-30).log().requires_grad_()

    CrossEntropy(0.0)({"logits": logits}, target).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert logits.grad.abs().max().item() < 1e-6


FLAGS = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 1]])


def test_the_loss_of_each_label_for_itself_is_that_of_transformers(cased_base: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(
        cased_base, num_labels=4, problem_type="multi_label_classification"
    )

    outputs = model(input_ids=torch.randint(5, 40, (6, 9)), labels=FLAGS.float())

    assert BinaryCrossEntropy(0.0)(outputs, FLAGS.float()).item() == pytest.approx(outputs.loss.item(), abs=1e-6)
    assert BinaryCrossEntropy(0.2)(outputs, FLAGS).item() == pytest.approx(outputs.loss.item(), abs=1e-6)


def test_each_label_for_itself_is_smoothed_towards_one_half() -> None:
    smoothed = BinaryCrossEntropy(0.2)({"logits": LOGITS}, FLAGS.float())

    plain = BinaryCrossEntropy(0.0)({"logits": LOGITS}, FLAGS * 0.8 + 0.1)
    assert smoothed.item() == pytest.approx(plain.item(), abs=1e-6)


def test_the_losses_of_a_steps_batches_sum_to_that_of_one_for_each_label_too() -> None:
    loss, targets = BinaryCrossEntropy(0.0), FLAGS.float()
    parts = [loss({"logits": LOGITS[part]}, targets[part], targets.numel()) for part in (slice(2), slice(2, 6))]

    assert sum(parts).item() == pytest.approx(loss({"logits": LOGITS}, targets).item(), abs=1e-6)  # type: ignore[union-attr]


def test_the_loss_of_each_label_is_least_where_its_score_is_the_target() -> None:
    target = torch.tensor([[0.7, 0.2, 0.9]])
    logits = target.logit().requires_grad_()

    BinaryCrossEntropy(0.0)({"logits": logits}, target).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert logits.grad.abs().max().item() < 1e-6
