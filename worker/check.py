"""`emotion-worker check`: everything that `run` needs, tried in order, with a report."""

import sys
from collections.abc import Callable

from worker.broker import DEFAULT_MAX_MESSAGE_BYTES, Broker
from worker.build import checked_topics, load_model, make_sink
from worker.errors import NotDeliveredError, UserError
from worker.settings import Settings


def check(settings: Settings) -> int:
    """Print a line for each part; returns 0 if all are well, else 1. It joins no group and writes nothing."""
    _print("ok", "settings", "every name is known and every value fits")
    connected = _passes("broker", _broker, settings)
    parts = {"topics": _topics, "delivery": _delivery} if connected else {}
    passed = [_passes(name, part, settings) for name, part in (parts | {"model": _model}).items()]
    return 0 if connected and all(passed) else 1


def _passes(name: str, part: Callable[[Settings], str], settings: Settings) -> bool:
    try:
        _print("ok", name, part(settings))
    except (UserError, NotDeliveredError) as error:
        for line in str(error).splitlines():
            _print("PROBLEM", name, line)
        return False
    return True


def _broker(settings: Settings) -> str:
    with Broker(settings).admin():
        return f"{settings.bootstrap_servers} answers"


def _topics(settings: Settings) -> str:
    limits = checked_topics(Broker(settings), settings)
    return ", ".join(f"{topic} (messages up to {limit} bytes)" for topic, limit in limits.items())


def _delivery(settings: Settings) -> str:
    broker = Broker(settings)
    with broker.admin() as admin:
        partitions = admin.committed_partitions(settings.group_id)
    make_sink(broker, settings, None, DEFAULT_MAX_MESSAGE_BYTES).close()
    return f"{settings.delivery}; group {settings.group_id} has committed offsets of {partitions} partitions"


def _model(settings: Settings) -> str:
    model, tokenizer = load_model(settings)
    info = model.info
    return (
        f"{info.name} {info.revision[:19]} on {model.device} in {model.dtype}; labels {', '.join(info.labels)}; "
        f"texts up to {tokenizer.max_tokens} tokens"
    )


def _print(verdict: str, name: str, text: str) -> None:
    sys.stdout.write(f"{verdict:<8} {name:<9} {text}\n")
    sys.stdout.flush()  # the next part may take seconds
