"""The log: one event a line with its fields. Never a message's text, key or headers."""

import logging
import sys
import time
from typing import TextIO

import orjson

LEVELS = ("debug", "info", "warning", "error")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _JsonFormatter(logging.Formatter):
    """For machines: one JSON object a line, its time in UTC."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        } | _fields(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class _TerminalFormatter(logging.Formatter):
    """For people: the event, and its fields behind it."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return " ".join([line, *(f"{name}={value}" for name, value in _fields(record).items())])


def configure_logging(level: str = "info", stream: TextIO | None = None) -> None:
    """Log the worker's events from `level` on, and warnings of its libraries; JSON unless a terminal reads.

    The Kafka client is all but silent: it tells of every attempt to connect, hundreds a second at worst; what matters
    of it reaches our own events. Under `debug` it speaks from INFO on, never below: there it prints keys and values.

    Args:
        level: One of LEVELS.
        stream: Standard error, unless told otherwise.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    if stream.isatty():
        handler.setFormatter(_TerminalFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    else:
        handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("worker").setLevel(level.upper())
    logging.getLogger("kafka").setLevel(logging.INFO if level == "debug" else logging.CRITICAL)
    for name in ("trace", "util"):  # these print what they cannot read: a record's header, an exporter's key
        logging.getLogger(f"opentelemetry.{name}").setLevel(logging.CRITICAL)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
