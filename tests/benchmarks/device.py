"""A device that is made up, one batch at a time: how many processes keep it busy?

A batch takes a + b x padded tokens. The defaults are the line through two published points of BERT-base on an A100 of
40 GB at 64 tokens a text (AITemplate, examples/03_bert, "Reference Speed vs PyTorch Eager"): 0.71 ms for 1 text, 15.99
ms for 256. So a = 0.65 ms and b = 0.94 µs: some 42,000 texts of 24 tokens a second.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.simulated_worker import MODULE
from tests.benchmarks.harness.streams import Stream, drain
from tests.benchmarks.harness.texts import distinct_texts


def main() -> None:
    given = options(
        __doc__ or "",
        records=100_000,
        rounds=3,
        most_processes=2,
        batch_ms=0.65,
        token_us=0.94,
        batch_tokens=16_384,
        delivery="exactly_once",
    )
    texts, origin = distinct_texts(given.records)
    busy: dict[str, list[float]] = {str(count): [] for count in range(1, given.most_processes + 1)}
    device = {"SIMULATED_BATCH_MS": str(given.batch_ms), "SIMULATED_TOKEN_US": str(given.token_us)}
    with filled_stream(texts) as (_, stream):
        settings = {"delivery": given.delivery, "batch_tokens": given.batch_tokens, "model": "bundled"}
        variants = {
            count: partial(_run, stream, given.records, int(count), device, settings, shares)
            for count, shares in busy.items()
        }
        runs = in_turns(given, variants)
    found, shares = medians(runs), medians(busy)
    report(
        given,
        ("processes", "texts/s", "device busy"),
        [(count, found[count], shares[count]) for count in found],
        f"one process keeps it busy {shares['1']:.0%} of the time, so {math.ceil(1 / shares['1'])} would keep it busy, "
        "each with cores of its own (computed)",
        texts=origin,
        simulated=device,
        runs=runs,
        goals={"device_busy": max(shares.values())},
    )


def _run(
    stream: Stream,
    records: int,
    processes: int,
    device: dict[str, str],
    settings: dict[str, Any],
    shares: list[float],
) -> float:
    stream.renew()
    log = Path(stream.folder) / f"device-{stream.group}"
    log.touch()
    workers = [stream.worker(MODULE, **settings) for _ in range(processes)]
    for worker in workers:
        worker.environment.update(device | {"SIMULATED_DEVICE": str(log)})
    texts_per_s = drain(stream, workers, records)
    busy_seconds = sum(float(line) for line in log.read_text().splitlines())
    shares.append(busy_seconds / (records / texts_per_s))
    return texts_per_s


if __name__ == "__main__":
    main()
