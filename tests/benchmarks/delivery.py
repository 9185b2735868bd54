"""Exactly once against at least once, with a model that costs nothing: what transactions take."""

from functools import partial

from tests.benchmarks.harness.command import filled_stream, options, tiny_model
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.simulated_worker import MODULE
from tests.benchmarks.harness.streams import Stream, drain
from tests.benchmarks.harness.texts import distinct_texts


def main() -> None:
    given = options(__doc__ or "", records=100_000, rounds=3)
    texts, origin = distinct_texts(given.records)
    with filled_stream(texts) as (_, stream):
        variants = {name: partial(_run, stream, given.records, name) for name in ("at_least_once", "exactly_once")}
        runs = in_turns(given, variants)
    found = medians(runs)
    ratio = round(found["exactly_once"] / found["at_least_once"], 3)
    report(
        given,
        ("delivery", "records/s"),
        found.items(),
        f"exactly once / at least once: {ratio}",
        texts=origin,
        model="costs nothing; the tokenizer is real",
        runs=runs,
        goals={"exactly_once_to_at_least_once": ratio},
    )


def _run(stream: Stream, records: int, delivery: str) -> float:
    stream.renew()
    worker = stream.worker(MODULE, model=tiny_model(stream), delivery=delivery, batch_tokens=16_384)
    return drain(stream, [worker], records)


if __name__ == "__main__":
    main()
