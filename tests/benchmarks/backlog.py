"""Draining a backlog of 10^5 records against one of 10^4: throughput must not depend on what lies there."""

from functools import partial

from tests.benchmarks.harness.command import filled_stream, options, tiny_model
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.simulated_worker import MODULE
from tests.benchmarks.harness.streams import Stream, drain
from tests.benchmarks.harness.texts import distinct_texts


def main() -> None:
    given = options(__doc__ or "", small=10_000, large=100_000, rounds=3, delivery="exactly_once", token_us=20.0)
    texts, origin = distinct_texts(given.large)
    with filled_stream(texts[: given.small]) as (_, small), filled_stream(texts) as (_, large):
        variants = {
            str(given.small): partial(_run, small, given.small, given.delivery, given.token_us),
            str(given.large): partial(_run, large, given.large, given.delivery, given.token_us),
        }
        runs = in_turns(given, variants)
    found = medians(runs)
    ratio = round(found[str(given.large)] / found[str(given.small)], 3)
    report(
        given,
        ("backlog", "records/s"),
        found.items(),
        f"{given.large} / {given.small}: {ratio}",
        texts=origin,
        model=f"simulated: {given.token_us:g} µs a token",
        runs=runs,
        goals={"large_to_small_backlog": ratio},
    )


def _run(stream: Stream, records: int, delivery: str, token_us: float) -> float:
    stream.renew()
    worker = stream.worker(MODULE, model=tiny_model(stream), delivery=delivery, batch_tokens=1024)
    worker.environment["SIMULATED_TOKEN_US"] = str(token_us)
    return drain(stream, [worker], records)


if __name__ == "__main__":
    main()
