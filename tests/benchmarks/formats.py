"""The decode stage in Avro beside JSON: the same texts, in turns, of three shapes."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import orjson

from schemas.emotion_label import Source
from schemas.fields import Fields
from tests.benchmarks.harness.command import options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.avro_texts import Schemas, field, record, written
from worker.flow import Decoded, Record
from worker.messages.decode import decode, message_reader
from worker.messages.decode_avro import AvroDecoder
from worker.messages.registry_client import RegistryClient

_BEFORE, _PLACE = b"\0\0\0\0\7", "/schemas/ids/7"
_MAX_BYTES = 1 << 20
_NULLABLE = ["null", "string"]
_AT = field("at", {"type": "long", "logicalType": "timestamp-millis"})
_USER = record(field("name", "string"), field("followers", "int"), name="example.User")
_ID_AND_TEXT = [field("id", "string"), field("text", "string")]
_SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "id and text": (record(*_ID_AND_TEXT), {}),
    "flat": (
        record(*_ID_AND_TEXT, field("lang", _NULLABLE), _AT, field("likes", "long")),
        {"lang": "en", "at": 1_764_000_000_000, "likes": 1_234},
    ),
    "nested": (
        record(*_ID_AND_TEXT, field("user", _USER), field("tags", {"type": "array", "items": "string"}), _AT),
        {"user": {"name": "somebody", "followers": 77}, "tags": ["a", "b"], "at": 1_764_000_000_000},
    ),
}


def main() -> None:
    given = options(__doc__ or "", broker="no broker", texts=4_000, rounds=15)
    texts, origin = distinct_texts(given.texts)
    variants: dict[str, Callable[[], float]] = {}
    for shape, (schema, more) in _SHAPES.items():
        messages = [{"id": f"m{number}", "text": text} | more for number, text in enumerate(texts)]
        from_json = partial(decode, message_reader("json", Fields(), _MAX_BYTES))
        registry = cast(RegistryClient, Schemas(**{_PLACE: schema}))
        from_avro = AvroDecoder(registry, Fields(), _MAX_BYTES, skip_without_text=False)
        variants[f"{shape}: JSON"] = partial(_us, from_json, [_record(orjson.dumps(message)) for message in messages])
        in_avro = [_record(_BEFORE + written(schema, message)) for message in messages]
        variants[f"{shape}: Avro"] = partial(_us, from_avro, in_avro)
    runs = in_turns(given, variants)
    ratios = {
        shape: round(
            statistics.median(a / j for a, j in zip(runs[f"{shape}: Avro"], runs[f"{shape}: JSON"], strict=True)), 2
        )
        for shape in _SHAPES
    }
    report(
        given,
        ("message", "µs of CPU a text"),
        list(medians(runs).items()),
        "Avro / JSON: " + ", ".join(f"{shape} {ratio}" for shape, ratio in ratios.items()),
        texts=origin,
        runs=runs,
        goals={f"avro_to_json_{shape.replace(' ', '_')}": ratio for shape, ratio in ratios.items()},
    )


def _us(stage: Callable[[list[Record]], Decoded], records: list[Record]) -> float:
    """Microseconds of CPU for each record."""
    started = time.process_time()
    requests, _ = stage(records)
    seconds = time.process_time() - started
    if len(requests) != len(records):
        raise RuntimeError("not every text was decoded")
    return seconds / len(records) * 1e6


def _record(value: bytes) -> Record:
    return Record(Source("texts", 0, 7, 1), b"k", value, [])


if __name__ == "__main__":
    main()
