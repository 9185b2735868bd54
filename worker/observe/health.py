"""Whether the loops of a worker live and get on, from the signs of life that each leaves."""

import ctypes
import time
from collections.abc import Callable, Sequence

PATIENCE_SECONDS = 30.0  # for one batch of the model, on one core, and for an answer of the brokers
_ADVANCE_SECONDS = 60.0  # for a window's commit while there is work


class Heartbeat(ctypes.Structure):
    """Signs of life of one loop, in shared memory where it is a process of its own.

    Seconds on the monotonic clock, which all processes of a machine share; 0: never yet.
    """

    loaded_at: float
    joined_at: float
    heard_at: float
    advanced_at: float
    due_at: float
    registry_away_at: float
    _fields_ = (
        ("loaded_at", ctypes.c_double),  # the model is there
        ("joined_at", ctypes.c_double),  # was a member of the group
        ("heard_at", ctypes.c_double),  # a broker answered
        ("advanced_at", ctypes.c_double),  # offsets were committed, or there was no lag
        ("due_at", ctypes.c_double),  # when the next sign of life is due
        ("registry_away_at", ctypes.c_double),  # since when a window waits for the schema registry; 0: none does
    )

    def expect(self, seconds: float) -> None:
        """The loop is alive; the next sign comes within so many seconds."""
        self.due_at = time.monotonic() + seconds

    def rest(self) -> None:
        """The loop has nothing to do, and waits."""
        self.due_at = 0.0

    def clear(self) -> None:
        """Forget everything: the process ended."""
        ctypes.memset(ctypes.addressof(self), 0, ctypes.sizeof(self))


class Health:
    """What /livez and /readyz say about some loops: nothing if all is well, else what is wrong, one line each."""

    def __init__(
        self,
        loops: Sequence[Heartbeat],
        draining: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        reads_kafka: bool = True,
    ) -> None:
        self._loops = loops
        self._draining = draining
        self._clock = clock
        self._missing = _missing if reads_kafka else _missing_without_kafka

    def not_live(self) -> list[str]:
        """Why the process should be restarted. Brokers that are away are no reason, and neither is a slow start."""
        return self._each(_stuck)

    def not_ready(self) -> list[str]:
        """What keeps it from work."""
        if self._draining():
            return ["draining: it finishes its window and leaves"]
        return self._each(self._missing)

    def _each(self, problems: Callable[[Heartbeat, float], list[str]]) -> list[str]:
        now = self._clock()
        return [
            f"process {index}: {problem}" if len(self._loops) > 1 else problem
            for index, heartbeat in enumerate(self._loops)
            for problem in problems(heartbeat, now)
        ]


def _stuck(heartbeat: Heartbeat, now: float) -> list[str]:
    if not heartbeat.due_at or now <= heartbeat.due_at:
        return []
    return [f"loop: a sign of life is overdue for {now - heartbeat.due_at:.0f} s: the device or a client hangs"]


def _missing_without_kafka(heartbeat: Heartbeat, now: float) -> list[str]:
    return _stuck(heartbeat, now) if heartbeat.loaded_at else ["model: not loaded yet"]


def _missing(heartbeat: Heartbeat, now: float) -> list[str]:
    missing = _missing_without_kafka(heartbeat, now)
    if not heartbeat.loaded_at:
        return missing
    if now - heartbeat.heard_at > PATIENCE_SECONDS:
        missing.append("brokers: no answer" + _since(heartbeat.heard_at, now))
    if heartbeat.registry_away_at and now - heartbeat.registry_away_at > PATIENCE_SECONDS:
        missing.append("schema registry: texts wait for it" + _since(heartbeat.registry_away_at, now))
    if now - heartbeat.joined_at > PATIENCE_SECONDS:
        missing.append("group: not a member" + _since(heartbeat.joined_at, now))
    elif now - heartbeat.advanced_at > _ADVANCE_SECONDS:
        missing.append("offsets: there is lag, and none was committed" + _since(heartbeat.advanced_at, now))
    return missing


def _since(at: float, now: float) -> str:
    return f" for {now - at:.0f} s" if at else " yet"
