"""Whether the loop is traced: off unless OpenTelemetry's own variables ask for it."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from worker import loop
from worker.errors import UserError
from worker.settings import Settings

_VARIABLE = "OTEL_TRACES_EXPORTER"

Traced = Callable[[loop.Stages, Callable[[], str | None]], loop.Stages]
"""Takes the stages, and what finds the id of their cluster."""


def exporters() -> str:
    """What `OTEL_TRACES_EXPORTER` names; empty where nothing is to be traced."""
    names = os.environ.get(_VARIABLE, "").strip().lower()
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return "" if disabled or names == "none" else names


def tracing(settings: Settings) -> AbstractContextManager[Traced]:
    """Something that traces the stages of a loop while it is open, or that leaves them as they are.

    Raises:
        UserError: Traces are asked for, and the extra is missing or OpenTelemetry refuses its variables.
    """
    if not exporters():
        return nullcontext(lambda stages, _: stages)
    try:
        from worker.observe.span_provider import find_provider
        from worker.observe.spans import Spans
    except ModuleNotFoundError as error:
        raise UserError(
            f"{_VARIABLE}={exporters()} asks for traces, but there is no {error.name} here",
            "pip install 'emotion-labeller[otel]', or unset the variable",
        ) from error
    return Spans(find_provider(), settings.input_topic, settings.group_id)
