"""A topic to write to, as far as it limits what can be written."""

import math
from dataclasses import dataclass

_CLOCKS_MS = 60_000  # that clocks may differ


@dataclass(frozen=True)
class Target:
    """A topic to write to: the largest record batch and the timestamps that it takes, and how long it keeps them."""

    topic: str
    max_message_bytes: int
    max_past_ms: int | None = None
    max_future_ms: int | None = None
    retention_ms: float | None = None

    def usual_times(self, now_ms: int) -> tuple[float, float]:
        """Timestamps between these two are taken and kept."""
        ages = [age for age in (self.max_past_ms, self.retention_ms) if age is not None]
        oldest = now_ms - min(ages) if ages else -math.inf
        return oldest, math.inf if self.max_future_ms is None else now_ms + self.max_future_ms

    def time_problem(self, timestamp_ms: int | None, now_ms: int) -> str | None:
        """Why brokers will refuse a timestamp; None if they may take it: their clock is not quite ours."""
        if timestamp_ms is None:
            return None
        if self.max_future_ms is not None and timestamp_ms - now_ms > self.max_future_ms + _CLOCKS_MS:
            return (
                f"by our clock its timestamp is {timestamp_ms - now_ms} ms ahead, the topic takes {self.max_future_ms}"
            )
        if self.max_past_ms is not None and now_ms - timestamp_ms > self.max_past_ms + _CLOCKS_MS:
            return f"by our clock its timestamp is {now_ms - timestamp_ms} ms old, the topic takes {self.max_past_ms}"
        return None
