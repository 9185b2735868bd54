"""Soft labels: what one model or the mean of several says about texts, for distillation into another.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015. The teacher labels once, into a file; students
train on the file.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from trainer.artifact.loading import load_artifact, names_of
from trainer.data.rows import Row
from trainer.errors import UserError
from trainer.output import check_writable, new_file

_BATCH_TEXTS = 64
_DIGITS = 7  # as many as float32 has


def soft_label(artifacts: Sequence[Path], rows: Sequence[Row], output: Path, temperature: float) -> int:
    """Writes one JSON object with `text` and `scores` a line, in the order of the rows, aside and then into its place.

    Args:
        artifacts: Model folders; several are averaged, score by score.
        rows: The texts.
        output: A file that does not exist.
        temperature: What logits are divided by; above 1 it makes scores flatter.

    Returns:
        The number of lines.

    Raises:
        UserError: if an artifact cannot be used, if artifacts differ in their labels, or if the file exists.
    """
    check_free(output)
    texts = [row.text for row in rows]
    names, scores = _label_with(artifacts[0], texts, temperature)
    for artifact in artifacts[1:]:
        other_names, other_scores = _label_with(artifact, texts, temperature)
        if set(other_names) != set(names):
            raise UserError(
                f"{artifact}: labels {', '.join(other_names)}, but {artifacts[0]} has {', '.join(names)}; "
                "average models of the same labels"
            )
        scores += other_scores[:, [other_names.index(name) for name in names]]
    by_text = (dict(zip(names, row, strict=True)) for row in (scores / len(artifacts)).tolist())
    return write_soft_labels(output, zip(texts, by_text, strict=True))


def _label_with(artifact: Path, texts: Sequence[str], temperature: float) -> tuple[list[str], Tensor]:
    """Returns the label names of an artifact and its float32 scores, of shape [texts, labels]."""
    model, tokenizer = load_artifact(artifact, "float32")
    torch.nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    logits = _predict(model, tokenizer, texts, description=artifact.name)
    return names_of(model), (logits / temperature).softmax(dim=1)


@torch.inference_mode()
def _predict(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], description: str
) -> Tensor:
    """Returns the logits on the CPU, of shape [texts, labels]; batches are sorted by length to need little padding."""
    longest_first = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    logits = torch.empty(len(texts), len(names_of(model)))
    with tqdm(total=len(texts), unit=" texts", desc=description, disable=None) as bar:
        for start in range(0, len(texts), _BATCH_TEXTS):
            indices = longest_first[start : start + _BATCH_TEXTS]
            inputs = tokenizer([texts[index] for index in indices], truncation=True, padding=True, return_tensors="pt")
            logits[indices] = model(**inputs.to(model.device)).logits.cpu()
            bar.update(len(indices))
    return logits


def check_free(output: Path) -> None:
    """Checks that a file of soft labels can be written, before the work of finding them.

    Raises:
        UserError: if the file exists, or if its parent cannot be written to.
    """
    if output.exists():
        raise UserError(f"--output {output}: exists; choose another file or remove it")
    check_writable(output, output.parent)


def write_soft_labels(output: Path, labelled: Iterable[tuple[str, Mapping[str, float]]]) -> int:
    """Writes each text and its scores by label as a JSON line, aside and then into its place; returns their number.

    Raises:
        UserError: if it cannot be written; then there is no file.
    """
    count = 0
    with new_file(f"--output {output}", output) as file:
        for text, scores in labelled:
            shares = {name: round(score, _DIGITS) for name, score in scores.items()}
            file.write(json.dumps({"text": text, "scores": shares}, ensure_ascii=False) + "\n")
            count += 1
    return count
