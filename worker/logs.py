"""Log lines: one event each, its fields as JSON behind it. Never a message's text, key or headers."""

import logging
import sys

import orjson

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _EventFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The line, with the fields that were given as `extra`."""
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line = super().format(record)
        return f"{line} {orjson.dumps(fields, default=str).decode()}" if fields else line


def configure_logging() -> None:
    """Log to standard error, from INFO for the worker and from WARNING for its libraries.

    The Kafka client is all but silent: it tells of every attempt to connect, hundreds a second at worst, and at DEBUG
    it prints keys and values. What matters of it reaches our own events.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("worker").setLevel(logging.INFO)
