"""CPU that Kafka, JSON and the loop take for a record, tokenizer and model apart: the worker beside what people write.

The plain loop is kafka-python with the standard library's json, at least once, and sends three fields; librdkafka does
the worker's own work, with the worker's fields.
"""

import sys
from functools import partial
from pathlib import Path

from tests.benchmarks.clients.cpu_notes import CPU_FILE, us_per_record
from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.program import running
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.streams import Stream, check_alive, until_all
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.independent import RunningReader

_DELIVERIES = ("at_least_once", "exactly_once")


def main() -> None:
    given = options(__doc__ or "", records=60_000, rounds=3)
    texts, origin = distinct_texts(given.records)
    with filled_stream(texts) as (_, stream):
        variants = {
            f"worker, {delivery}": partial(_worker, stream, given.records, delivery) for delivery in _DELIVERIES
        }
        for name, told in {"plain loop": {}, "plain loop, checksums in C": {"CLIENT_CHECKSUM": "c"}}.items():
            variants[name] = partial(_program, stream, given.records, "plain_loop", told)
        for delivery in _DELIVERIES:
            told = {"CLIENT_DELIVERY": delivery}
            variants[f"librdkafka, {delivery}"] = partial(_program, stream, given.records, "librdkafka_loop", told)
        runs = in_turns(given, variants)
    found = medians(runs)
    ours, plain = found["worker, exactly_once"], found["plain loop, checksums in C"]
    report(
        given,
        ("what", "µs of CPU a record"),
        found.items(),
        f"worker, exactly once, / plain loop with checksums in C: {ours / plain:.2f}",
        texts=origin,
        runs=runs,
        goals={"client_us_exactly_once": ours, "client_to_plain_loop": round(ours / plain, 2)},
    )


def _worker(stream: Stream, records: int, delivery: str) -> float:
    stream.renew()
    worker = stream.worker("tests.benchmarks.clients.counted_worker", delivery=delivery, batch_tokens=512)
    worker.environment[CPU_FILE] = str(file := _cpu_file(stream))
    with RunningReader(stream.servers, stream.output) as reader, worker:
        worker.wait_until_ready()
        until_all(reader, records, lambda: check_alive([worker]))
    return us_per_record(file)


def _program(stream: Stream, records: int, module: str, told: dict[str, str]) -> float:
    stream.renew()
    file = _cpu_file(stream)
    told = told | {
        CPU_FILE: str(file),
        "CLIENT_SERVERS": stream.servers,
        "CLIENT_INPUT": stream.input,
        "CLIENT_OUTPUT": stream.output,
        "CLIENT_GROUP": stream.group,
    }
    command = [sys.executable, "-m", f"tests.benchmarks.clients.{module}"]
    with RunningReader(stream.servers, stream.output) as reader, running(stream, command, told) as alive:
        until_all(reader, records, alive)
    return us_per_record(file)


def _cpu_file(stream: Stream) -> Path:
    return stream.folder / f"{stream.group}.cpu"


if __name__ == "__main__":
    main()
