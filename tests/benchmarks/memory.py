"""Memory of the worker over a million records, with a model that costs nothing: none may be added after warm-up."""

from tests.benchmarks.harness.command import filled_stream, options, tiny_model
from tests.benchmarks.harness.report import report, say
from tests.benchmarks.harness.simulated_worker import MODULE
from tests.benchmarks.harness.streams import resident_bytes
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.eventually import eventually
from tests.harness.independent import committed_offsets

_WARM = 0.1  # of the records


def main() -> None:
    given = options(__doc__ or "", records=1_000_000, samples=20, delivery="exactly_once", cache_texts=0)
    texts, origin = distinct_texts(min(given.records, 60_000))
    rows: list[tuple[int, float]] = []
    with filled_stream([texts[index % len(texts)] for index in range(given.records)]) as (_, stream):
        say(f"{given.records} records are there")
        settings = {"delivery": given.delivery, "batch_tokens": 16_384, "cache_texts": given.cache_texts}
        with stream.worker(MODULE, model=tiny_model(stream), **settings) as worker:
            worker.wait_until_ready()
            for sample in range(1, given.samples + 1):
                wanted = given.records * sample // given.samples

                def done(wanted: int = wanted) -> bool:
                    return sum(committed_offsets(stream.servers, stream.group, stream.input).values()) >= wanted

                eventually(done, given.minutes * 60, f"{wanted} records are committed", interval_s=0.2)
                rows.append((wanted, round(resident_bytes(worker.process.pid) / 2**20, 1)))
                say(f"{wanted} records: {rows[-1][1]} MiB")
            assert worker.terminate() == 0
    warm = [mib for records, mib in rows if records >= given.records * _WARM]
    growth = round((warm[-1] / warm[0] - 1) * 100, 2)
    report(
        given,
        ("records", "MiB"),
        rows,
        f"growth after warm-up: {warm[-1] - warm[0]:+.1f} MiB ({growth:+} %)",
        texts=origin,
        model="costs nothing",
        goals={"growth_percent": growth},
    )


if __name__ == "__main__":
    main()
