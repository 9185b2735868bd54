"""Loads a second model beside the live one, and says what its user had better know."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker.canary.two_models import Canary, KeyRoute
from worker.errors import Problem, UserError
from worker.flow import ModelInfo
from worker.labelling import load_model, log_hints, warm_up
from worker.model.artifact import find_artifact
from worker.process.memory import memory_limit_bytes, private_bytes
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model

_log = logging.getLogger(__name__)

_OWN = r"EMOTION_(MODEL|MODEL_REVISION|GOLDEN_SET|CONFIDENT_SCORE)\b"


def canary_settings(settings: Settings) -> Settings:
    """The settings as they are for the canary: with another model, and what belongs to it."""
    own = {
        "model": settings.canary_model,
        "model_revision": settings.canary_model_revision,
        "golden_set": settings.canary_golden_set,
        "confident_score": settings.canary_confident_score,
    }
    return settings.model_copy(update=own)


def in_canary_words(text: str) -> str:
    """The same with the names of the canary's own settings."""
    return re.sub(_OWN, r"EMOTION_CANARY_\1", text)


@contextmanager
def told_of_canary() -> Iterator[None]:
    """What is wrong with it is told by the names of its own settings."""
    try:
        yield
    except UserError as error:
        detail = in_canary_words(error.detail)
        whose = "" if "EMOTION_CANARY_" in detail else "EMOTION_CANARY_MODEL: "
        raise UserError(whose + detail, error.mend and in_canary_words(error.mend)) from error


def load_canary(settings: Settings, live: "Model") -> Canary | None:
    """The canary, ready for its first text; None where the settings name none.

    Raises:
        UserError: It cannot be loaded, or does not label here as it did where it was made.
    """
    if settings.canary_model is None:
        return None
    own = canary_settings(settings)
    with told_of_canary():
        if hint := memory_hint(own, 1 if own.processes == "auto" else int(own.processes)):
            _log.warning("canary_memory_short", extra={"detail": hint.detail, "mend": hint.mend})
        model, tokenizer = load_model(own)
        warm_up(model, own)
    log_hints(tokenizer)
    canary = Canary(model, tokenizer, KeyRoute(settings.canary_percent / 100))
    _log.info(
        "canary_started",
        extra={
            "model": model.info.name,
            "revision": model.info.revision,
            "device": str(model.device),
            "dtype": str(model.dtype),
            "percent": settings.canary_percent,
        },
    )
    for hint in canary_hints(live.info, model.info):
        _log.warning("canary_differs", extra={"detail": hint.detail, "mend": hint.mend})
    return canary


def canary_hints(live: ModelInfo, canary: ModelInfo) -> list[Problem]:
    """In what the two differ that readers of their labels notice, or that they do not differ."""
    if live.revision == canary.revision:
        return [Problem(f"EMOTION_CANARY_MODEL is the live model, {live.revision[:19]}", "unset it, or name another")]
    hints = []
    for names, what in (
        ([label for label in canary.labels if label not in live.labels], "the canary gives labels that the live model"),
        ([label for label in live.labels if label not in canary.labels], "the live model gives labels that the canary"),
    ):
        if names:
            hints.append(
                Problem(f"{what} does not have: {', '.join(names)}", "see that readers of the labels know both")
            )
    if (live.thresholds is None) != (canary.thresholds is None):
        several, one = ("canary", "live model") if live.thresholds is None else ("live model", "canary")
        what = f"the {several} gives a text any number of labels, the {one} exactly one"
        hints.append(Problem(what, "see that readers of the labels look at `labels`, which is null of the other"))
    return hints


def memory_hint(own: Settings, processes: int) -> Problem | None:
    """What is to be said before the canary is loaded: its weights come to what each process has already.

    It is an estimate: what a model needs beside its weights is not known, and of bfloat16 half of them may be enough.

    Args:
        own: The settings of the canary.
        processes: How many of them there are in the container.

    Raises:
        UserError: There is no such model.
    """
    limit_bytes = memory_limit_bytes()
    if limit_bytes is None:
        return None
    folder = find_artifact(own.model, own.model_revision).folder
    weights_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    needed_bytes = processes * (private_bytes() + weights_bytes)
    if needed_bytes <= limit_bytes:
        return None
    return Problem(
        f"two models in each of {processes} processes take about {needed_bytes >> 20:,} MiB, and the limit is "
        f"{limit_bytes >> 20:,} MiB",
        "give the container more memory, set EMOTION_PROCESSES lower, or make two deployments (EMOTION_KEY_SHARE)",
    )
