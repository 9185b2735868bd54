"""Settings of windows and batches: how much is gathered, computed and remembered at once."""

from pydantic import Field

from worker.settings.base import SettingsGroup


class BatchingSettings(SettingsGroup):
    """How much is done at once."""

    batch_tokens: int | None = Field(None, ge=1)
    """Padded tokens of a batch; on a CPU each core may have one of its own. Unset: what is fastest here, measured at
    the first start of `run`, or by `check --device`, and kept below `XDG_CACHE_HOME`.
    """

    cache_texts: int = Field(0, ge=0, le=10_000_000)
    """Texts whose scores are remembered, for streams that repeat themselves; 0: none. Some 1 kB each. Within a window a
    text is always computed once only.
    """

    target_window_ms: int = Field(1_000, ge=10)
    """Under backlog, windows grow until one takes about this long; a light load is labelled at once. Where that is less
    than three times what each window costs whatever it holds (far brokers, a busy machine), windows grow to three times
    that cost instead, up to half of `EMOTION_SESSION_TIMEOUT_MS`. A larger target gains the last third at most.
    """

    window_max_records: int = Field(8_192, ge=1, le=100_000)
    """Records that are gathered, delivered and committed together, at most."""
