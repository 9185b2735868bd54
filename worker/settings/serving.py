"""Settings of `serve`: where it listens, who may ask, and how much may be asked for."""

from typing import Annotated, Self

from pydantic import Field, FilePath, model_validator

from worker.settings.base import SettingsGroup, shaped

_HOST_WORDS = "must be an address, such as `127.0.0.1`, `0.0.0.0` (all) or `::1`, or the name of this machine"


class ServingSettings(SettingsGroup):
    """HTTP without Kafka. No other command reads them."""

    serve_host: Annotated[str, shaped(r"[0-9A-Za-z.:-]+", _HOST_WORDS)] = Field("127.0.0.1")
    """Address that `serve` listens on; by default only programs of this machine reach it.
    `0.0.0.0`: all addresses.
    """

    serve_port: int = Field(8_081, ge=1, le=65_535)
    """Its port, also of its `/livez`, `/readyz` and `/metrics`."""

    serve_token_file: FilePath | None = Field(None)
    """File with the token that a request must carry as `Authorization: Bearer …`; read at start. Unset: none
    is needed.
    """

    serve_max_connections: int = Field(512, ge=1)
    """Connections that are open, idle ones included; another is answered with 503 and closed. Bodies that are on their
    way may take so many times `EMOTION_SERVE_MAX_BODY_BYTES` of memory.
    """

    serve_max_body_bytes: int = Field(2_000_000, ge=1)
    """A larger body is answered with 413."""

    serve_max_texts: int = Field(256, ge=1, le=10_000)
    """A request with more texts is answered with 413."""

    serve_max_queued_texts: int = Field(2_048, ge=1, le=1_000_000)
    """Texts that are not answered yet; a request with more than there is room for is answered with 429."""

    serve_timeout_ms: int = Field(10_000, ge=100)
    """How long a client may take to send a request, and to take its answer."""

    @model_validator(mode="after")
    def _check_queue(self) -> Self:
        if self.serve_max_texts > self.serve_max_queued_texts:
            raise ValueError(
                "EMOTION_SERVE_MAX_TEXTS must not be larger than EMOTION_SERVE_MAX_QUEUED_TEXTS: such a request would "
                "never find room"
            )
        return self
