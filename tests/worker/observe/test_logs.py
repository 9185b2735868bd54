"""Log events: documented with their fields, one line each, and never what the Kafka client says about records."""

import ast
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from opentelemetry.trace import TraceState
from opentelemetry.util.re import parse_env_headers

from worker.__main__ import parser
from worker.observe import logs
from worker.observe.log_events import EVENTS, markdown_table
from worker.observe.logs import configure_logging

ROOT = Path(__file__).parents[3]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("worker", "kafka", "opentelemetry.trace", "opentelemetry.util"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def events_in_the_code() -> dict[str, set[str]]:
    """Each `_log.level("event", extra={…})` with the keys of its fields, from all places that log it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "worker").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "_log"):
                continue
            (event,), extras = node.args, [each.value for each in node.keywords if each.arg == "extra"]
            assert isinstance(event, ast.Constant), f"{path.name}:{node.lineno}: an event is a name, fields are extra"
            assert all(isinstance(extra, ast.Dict) for extra in extras), f"{path.name}:{node.lineno}: write fields out"
            fields = {ast.literal_eval(key) for extra in extras for key in extra.keys}  # type: ignore[attr-defined]
            found.setdefault(str(event.value), set()).update(fields)
    return found


def test_every_event_is_documented_with_its_fields_and_none_that_is_gone() -> None:
    assert events_in_the_code() == {event.name: set(event.fields) for event in EVENTS}
    assert len({event.name for event in EVENTS}) == len(EVENTS)


def test_no_field_has_a_name_that_logging_keeps_for_itself() -> None:
    assert [event.name for event in EVENTS if logs._STANDARD & set(event.fields)] == []


def test_the_documented_table_is_that_of_the_code() -> None:
    page = (ROOT / "docker/OBSERVABILITY.md").read_text()
    assert markdown_table() in page, "run `make pages`"


def test_a_machine_reads_one_json_object_a_line() -> None:
    stream = io.StringIO()
    configure_logging("info", stream)
    log = logging.getLogger("worker.somewhere")
    log.debug("too_fine")
    log.warning("broker_away", extra={"error": "two\nlines", "retry_in_seconds": 0.5})
    line = orjson.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "worker.somewhere",
        "event": "broker_away",
        "error": "two\nlines",
        "retry_in_seconds": 0.5,
    }


def test_a_person_at_a_terminal_reads_words() -> None:
    stream = Terminal()
    configure_logging("debug", stream)
    logging.getLogger("worker.x").debug("partitions_assigned", extra={"partitions": [0, 1]})
    assert stream.getvalue().endswith("DEBUG   partitions_assigned partitions=[0, 1]\n")


@pytest.mark.parametrize("level", logs.LEVELS)
def test_the_kafka_client_never_speaks_below_info(level: str) -> None:
    stream = io.StringIO()
    configure_logging(level, stream)
    logging.getLogger("kafka.producer.kafka").debug("key and value")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("level", logs.LEVELS)
def test_opentelemetry_does_not_print_headers_that_it_cannot_read(level: str) -> None:
    stream = io.StringIO()
    configure_logging(level, stream)
    assert TraceState.from_header(["no such thing"]) == {}
    assert parse_env_headers("no such thing") == {}
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "command",
    ["dead-letters show --log-level debug", "dead-letters --log-level debug show", "label --log-level debug"],
)
def test_the_level_is_taken_wherever_a_command_has_options(command: str) -> None:
    assert parser().parse_args(command.split()).log_level == "debug"
    assert parser().parse_args(command.replace("--log-level debug", "").split()).log_level == "info"
