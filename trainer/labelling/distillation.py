"""Distillation: what one model or the mean of several says about texts, to train another on.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015. The teacher labels once, into a file; students
train on the file.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from trainer.artifact.loading import is_multi_label, load_artifact, names_of
from trainer.data.rows import Row
from trainer.errors import UserError
from trainer.labelling.soft_labels import check_free, write_soft_labels

_BATCH_TEXTS = 64


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
        UserError: if an artifact cannot be used, if artifacts differ in their labels or in whether a text gets one of
            them or any number, or if the file exists.
    """
    check_free(output)
    texts = [row.text for row in rows]
    names, scores, is_each = _label_with(artifacts[0], texts, temperature)
    for artifact in artifacts[1:]:
        other_names, other_scores, other_is_each = _label_with(artifact, texts, temperature)
        if other_is_each != is_each:
            one, any_number = (artifact, artifacts[0]) if is_each else (artifacts[0], artifact)
            raise UserError(
                f"{one}: gives each text one label, but {any_number} gives any number; average models of one kind"
            )
        if set(other_names) != set(names):
            raise UserError(
                f"{artifact}: labels {', '.join(other_names)}, but {artifacts[0]} has {', '.join(names)}; "
                "average models of the same labels"
            )
        scores += other_scores[:, [other_names.index(name) for name in names]]
    by_text = (dict(zip(names, row, strict=True)) for row in (scores / len(artifacts)).tolist())
    return write_soft_labels(output, zip(texts, by_text, strict=True))


def _label_with(artifact: Path, texts: Sequence[str], temperature: float) -> tuple[list[str], Tensor, bool]:
    """Returns an artifact's label names, its float32 scores, of shape [texts, labels], and if a text has any number."""
    model, tokenizer = load_artifact(artifact, "float32")
    torch.nn.Module.to(model, "cuda" if torch.cuda.is_available() else "cpu")
    logits = _predict(model, tokenizer, texts, description=artifact.name) / temperature
    is_each = is_multi_label(model)
    return names_of(model), logits.sigmoid() if is_each else logits.softmax(dim=1), is_each


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
