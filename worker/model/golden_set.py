"""Holds a model on this machine against its golden set, before it labels anything."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.golden_set import GOLDEN_FILE, GoldenSetError, GoldenText, read_golden_set
from worker.errors import UserError
from worker.flow import Batch, Prediction, Request, TokenizedText

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

Plan = Callable[[list[TokenizedText]], Iterable[Batch]]

_log = logging.getLogger(__name__)

# How far a score may be from what is written down: in float32 machines differ by some 1e-6; in bfloat16 the bundled
# model's differ by up to 0.012.
TOLERANCE = 0.01
OTHER_TOLERANCE = 0.1
_SHOWN = 10


def golden_files(folder: Path, own: str | None) -> list[Path]:
    """The golden sets of a model: the one beside its weights, if there is one, and the user's own."""
    beside = folder / GOLDEN_FILE
    return [file for file in (beside if beside.is_file() else None, Path(own) if own else None) if file]


def hold_against(model: "Model", tokenizer: "Tokenizer", plan: Plan, files: Sequence[Path]) -> int:
    """See whether the model makes of each text of the files what they say; returns how many texts they hold.

    Args:
        model: As it labels here.
        tokenizer: Its own.
        plan: Makes batches, as for any text.
        files: The golden sets.

    Raises:
        UserError: A file is none, or texts come out otherwise; it names them by number, and shows none.
    """
    held = 0
    for file in files:
        try:
            texts = read_golden_set(file)
        except GoldenSetError as error:
            raise UserError(str(error), "write it anew with `emotion-trainer golden-set`") from error
        _check_labels(file, texts, model.info.labels)
        scores = _scores(model, tokenizer, plan, texts)
        tolerance = TOLERANCE if model.is_exact else OTHER_TOLERANCE
        different = [number for number, text in enumerate(texts) if not _agrees(text, scores.get(number), tolerance)]
        if different:
            raise UserError(_told(file, texts, different), _mend(model))
        held += len(texts)
    if held:
        _log.info("golden_set_agrees", extra={"texts": held})
    return held


def _scores(
    model: "Model", tokenizer: "Tokenizer", plan: Plan, texts: Sequence[GoldenText]
) -> dict[int, dict[str, float]]:
    """Those of each text, by its number; none for a text that the model fails on."""
    requests = [Request(number, "", text.text, None) for number, text in enumerate(texts)]
    return {
        outcome.request.index: dict(zip(model.info.labels, outcome.scores, strict=True))
        for outcome in model.predict(plan(tokenizer.tokenize(requests)))
        if isinstance(outcome, Prediction)
    }


def _agrees(text: GoldenText, scores: dict[str, float] | None, tolerance: float) -> bool:
    if scores is None:
        return False
    if text.scores is None:
        return max(scores, key=scores.__getitem__) == text.label
    return all(abs(scores[label] - score) <= tolerance for label, score in text.scores.items())


def _check_labels(file: Path, texts: Sequence[GoldenText], labels: Sequence[str]) -> None:
    for number, text in enumerate(texts, 1):
        if unknown := {text.label, *(text.scores or ())} - set(labels):
            raise UserError(
                f"{file}, text {number}: names the label {min(unknown)!r}, and the model has {', '.join(labels)}",
                "it is the golden set of another model: write it anew with `emotion-trainer golden-set`",
            )


def _told(file: Path, texts: Sequence[GoldenText], different: Sequence[int]) -> str:
    numbers = ", ".join(str(number + 1) for number in different[:_SHOWN])
    more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
    return f"{file}: {len(different)} of {len(texts)} texts do not come out here as it says: number {numbers}{more}"


def _mend(model: "Model") -> str:
    again = "copy the model's files again, and look at the driver and the versions of torch and tokenizers"
    if model.is_exact:
        return f"{again}; where the change is meant, write the file anew with `emotion-trainer golden-set`"
    return f"set EMOTION_DTYPE=float32; if that does not help, {again}"
