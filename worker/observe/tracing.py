"""Whether the loop, or requests, are traced: off unless OpenTelemetry's own variables ask for it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from worker import loop
from worker.errors import UserError
from worker.settings import Settings

_VARIABLE = "OTEL_TRACES_EXPORTER"

Traced = Callable[[loop.Stages, Callable[[], str | None]], loop.Stages]
"""Takes the stages, and what finds the id of their cluster."""

TracedRequest = Callable[[str, str, Mapping[str, str]], AbstractContextManager[Callable[[int], object]]]
"""Takes the method, the path and the headers of a request; gives a block for it, and what is told its status."""


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
    with _extra_named():
        from worker.observe.span_provider import find_provider
        from worker.observe.spans import Spans
    return Spans(find_provider(), settings.input_topic, settings.group_id)


def request_tracing() -> AbstractContextManager[TracedRequest]:
    """Something that traces requests while it is open, or that passes them over.

    Raises:
        UserError: As for `tracing`.
    """
    if not exporters():
        return nullcontext(not_traced)
    with _extra_named():
        from worker.observe.request_spans import RequestSpans
        from worker.observe.span_provider import find_provider
    return RequestSpans(find_provider())


def not_traced(*_: object) -> AbstractContextManager[Callable[[int], object]]:
    """Stands for the span of a request where there are none."""
    return nullcontext(bool)


@contextmanager
def _extra_named() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"{_VARIABLE}={exporters()} asks for traces, but there is no {error.name} here",
            "pip install 'emotion-labeller[otel]', or unset the variable",
        ) from error
