"""Settings of the process: how many share the work, how long a turn may take, and its HTTP port."""

from typing import Annotated

from pydantic import Field

from worker.settings.base import SettingsGroup, shaped


class ProcessSettings(SettingsGroup):
    """How the worker runs."""

    processes: Annotated[str, shaped(r"auto|[1-9]\d?", "must be `auto`, or a number from 1 to 99")] = Field("auto")
    """Processes that share the work on this machine, as members of one group: a number, or `auto`: one for each two
    cores, four at most; one with a GPU.
    """

    http_port: int = Field(8_080, ge=0, le=65_535)
    """Port of `/livez`, `/readyz` and `/metrics`, on all addresses; 0: none."""

    page: bool = Field(False)
    """Whether `/page` shows labels, speed, lag and latency as they change, beside `/metrics`: of `run` on
    `EMOTION_HTTP_PORT`, of `serve` on `EMOTION_SERVE_PORT`. It never shows a text.
    """

    max_poll_interval_ms: int = Field(600_000, ge=30_000)
    """The longest that one window may take; past it the worker ends itself and is started again. At least twice the
    session time-out plus 30 s.
    """
