"""One process of two threads, two of one thread, and what EMOTION_PROCESSES=auto makes of the same cores."""

import os
from functools import partial

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import in_turns, medians, report, say
from tests.benchmarks.harness.streams import Stream, drain
from tests.benchmarks.harness.texts import distinct_texts
from worker.settings import Settings


def main() -> None:
    cores = os.cpu_count() or 1
    given = options(__doc__ or "", texts=4000, rounds=3, delivery="exactly_once", model="bundled", batch_tokens=512)
    texts, origin = distinct_texts(given.texts)
    own = {"model": given.model, "delivery": given.delivery, "batch_tokens": given.batch_tokens}
    with filled_stream(texts) as (_, stream):
        shapes = {f"1 x {cores} threads": (1, cores), f"{cores} x 1 thread": (cores, 1)}
        variants = {
            name: partial(_run, stream, len(texts), processes, threads, own)
            for name, (processes, threads) in shapes.items()
        }
        if "processes" in Settings.model_fields:
            variants["auto"] = partial(_run, stream, len(texts), 1, cores, own | {"processes": "auto"})
        else:
            say("left out: EMOTION_PROCESSES=auto, which this worker does not have")
        found = medians(in_turns(given.rounds, variants))
    best = max(found[name] for name in shapes)
    report(
        "processes",
        ("processes x threads", "texts/s"),
        found.items(),
        f"auto / best: {found['auto'] / best:.3f}" if "auto" in found else f"best: {best:.1f}",
        texts=origin,
        results=found,
    )


def _run(stream: Stream, records: int, processes: int, threads: int, settings: dict[str, object]) -> float:
    stream.renew()
    return drain(stream, [stream.worker(threads=threads, **settings) for _ in range(processes)], records)


if __name__ == "__main__":
    main()
