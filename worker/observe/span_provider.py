"""OpenTelemetry's own configuration, by its variables."""

import os
import threading

from opentelemetry import trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.trace import TracerProvider

from worker.errors import UserError

_FLUSH_SECONDS = 5.0


class _Configurator(_OTelSDKConfigurator):
    """OpenTelemetry's own configuration by its variables, which it wants to be subclassed for use."""


def find_provider() -> TracerProvider:
    """The provider of this process: that of `opentelemetry-instrument`, or one made as the OTEL_… variables say.

    Raises:
        UserError: They ask for what is not there.
    """
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")  # the specification's default
        try:
            _Configurator().configure()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"OpenTelemetry refuses the OTEL_… variables: {error}",
                "correct them; the extra `otel` brings the exporters `otlp` (http/protobuf) and `console`",
            ) from error
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        raise UserError("OTEL_PYTHON_TRACER_PROVIDER names a provider other than OpenTelemetry's SDK", "unset it")
    return provider


def shut_down(provider: TracerProvider) -> None:
    """Send what is left, for a few seconds at most: nobody waits for a collector that is away."""
    flush = threading.Thread(target=provider.shutdown, daemon=True)
    flush.start()
    flush.join(_FLUSH_SECONDS)
