"""How well a model labels a split."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)

from schemas.manifest import LabelMetrics, SplitMetrics
from trainer.artifact import load_artifact, names_of
from trainer.data import label_ids, load_split
from trainer.readers import Columns

_BATCH_SIZE = 32


def tokenized(tokenizer: PreTrainedTokenizerFast, texts: list[str], ids: Sequence[int]) -> Dataset:
    """Returns the data set that the model is trained or measured on: texts cut to the model's length, not padded."""
    return Dataset.from_dict({**tokenizer(texts, truncation=True), "labels": list(ids)})


def split_metrics(logits: NDArray[Any], ids: NDArray[Any], names: Sequence[str]) -> SplitMetrics:
    """Returns the figures of a split.

    Args:
        logits: Of shape [texts, labels].
        ids: The right label of each text, of shape [texts].
        names: Label names in id order.
    """
    predicted = logits.argmax(axis=1)
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits, dtype=torch.float64), torch.tensor(ids))
    per_label = precision_recall_fscore_support(ids, predicted, labels=range(len(names)), zero_division=0.0)
    return SplitMetrics(
        rows=len(ids),
        loss=loss.item(),
        accuracy=accuracy_score(ids, predicted),
        macro_f1=f1_score(ids, predicted, average="macro", zero_division=0.0),
        labels={
            name: LabelMetrics(precision=precision, recall=recall, f1=f1, support=support)
            for name, precision, recall, f1, support in zip(names, *per_label, strict=True)
        },
    )


def metrics_of(prediction: EvalPrediction, names: Sequence[str]) -> SplitMetrics:
    """Returns the figures of what a transformers Trainer predicted.

    The labels are taken from the prediction, never from the data set: a Trainer that groups by length predicts in an
    order of its own.
    """
    outputs, ids = prediction.predictions, prediction.label_ids
    logits = outputs[0] if isinstance(outputs, tuple) else outputs  # an encoder-decoder returns its states as well
    return split_metrics(logits, ids[0] if isinstance(ids, tuple) else ids, names)


def measure(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: list[str], ids: Sequence[int]
) -> SplitMetrics:
    """Labels texts in the model's own number format, on a GPU where there is one, and returns the figures."""
    by_length = sorted(
        zip(texts, ids, strict=True), key=lambda pair: len(pair[0])
    )  # so that batches need little padding
    dataset = tokenized(tokenizer, [text for text, _ in by_length], [label for _, label in by_length])
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_eval_batch_size=_BATCH_SIZE,
            report_to="none",
            dataloader_pin_memory=torch.cuda.is_available(),
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        output: Any = trainer.predict(dataset)
    return metrics_of(output, names_of(model))


def evaluate_artifact(artifact: Path, data: str, split: str, columns: Columns) -> SplitMetrics:
    """Labels a split with an artifact, in float32, and returns the figures.

    Raises:
        UserError: if the artifact or the data cannot be used.
    """
    loaded = load_split(data, split, columns)
    model, tokenizer = load_artifact(artifact, "float32")
    return measure(model, tokenizer, loaded.texts, label_ids(loaded, names_of(model)))


def as_table(metrics: SplitMetrics) -> str:
    """Returns the figures for people."""
    width = max(len("label"), *map(len, metrics.labels))
    lines = [
        f"rows      {metrics.rows}",
        f"loss      {metrics.loss:.4f}",
        f"accuracy  {metrics.accuracy:.4f}",
        f"macro-F1  {metrics.macro_f1:.4f}",
        "",
        f"{'label':{width}}  precision  recall      F1  support",
    ]
    for name, label in metrics.labels.items():
        figures = f"{label.precision:9.4f}  {label.recall:6.4f}  {label.f1:6.4f}  {label.support:7}"
        lines.append(f"{name:{width}}  {figures}")
    return "\n".join(lines)
