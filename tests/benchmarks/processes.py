"""One process of all cores, one process a core, and what EMOTION_PROCESSES=auto makes of the same cores."""

from functools import partial

from schemas.machine.cores import usable_cores
from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.streams import Stream, drain
from tests.benchmarks.harness.texts import distinct_texts
from worker.settings import load_settings
from worker.supervisor import process_count


def main() -> None:
    cores = usable_cores()
    given = options(__doc__ or "", texts=4000, rounds=3, delivery="exactly_once", model="bundled", batch_tokens=1024)
    texts, origin = distinct_texts(given.texts)
    own = {"model": given.model, "delivery": given.delivery, "batch_tokens": given.batch_tokens}
    shapes: dict[str, tuple[int | str, int]] = {
        f"1 x {cores} threads": (1, cores),
        f"{cores} x 1 thread": (cores, 1),
        "auto": ("auto", 0),
    }
    with filled_stream(texts) as (_, stream):
        variants = {name: partial(_run, stream, len(texts), own, *shape) for name, shape in shapes.items()}
        runs = in_turns(given, variants)
    found = medians(runs)
    ratio = round(found["auto"] / max(rate for name, rate in found.items() if name != "auto"), 3)
    report(
        given,
        ("processes x threads", "texts/s"),
        found.items(),
        f"auto / best: {ratio}",
        texts=origin,
        runs=runs,
        goals={"auto_to_best": ratio},
    )


def _run(stream: Stream, records: int, settings: dict[str, object], processes: int | str, threads: int) -> float:
    """All of them below one supervisor, as users run them."""
    stream.renew()
    worker = stream.worker(threads=threads, processes=processes, **settings)
    if processes == "auto":
        del worker.environment["OMP_NUM_THREADS"]  # that is for the worker to choose
    return drain(stream, [worker], records, processes=process_count(load_settings(processes=str(processes))))


if __name__ == "__main__":
    main()
