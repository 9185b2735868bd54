"""The worker through Kafka against the forward pass alone, at least once and exactly once, in turns."""

import argparse
import statistics
from functools import partial

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.streams import Kafka, Stream, drain
from tests.benchmarks.harness.texts import distinct_texts
from worker.flow import Request
from worker.labelling import load_model
from worker.model.device import matrix_peak
from worker.model.warm_up import forward_texts_per_s
from worker.settings import load_settings


def main() -> None:
    given = options(__doc__ or "", texts=4000, rounds=3, threads=2, batch_tokens=1024, model="bundled", dtype="auto")
    texts, origin = distinct_texts(given.texts)
    model, tokenizer = load_model(load_settings(model=given.model, dtype=given.dtype))
    import torch

    torch.set_num_threads(given.threads)
    tokenized = tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(texts))
    operations = 2 * model.matrix_weights * statistics.mean(len(text.ids) for text in tokenized)
    broker_cores: dict[str, list[float]] = {"at_least_once": [], "exactly_once": []}
    with filled_stream(texts) as (broker, stream):
        variants = {
            "matrix products": lambda: matrix_peak(model.device, model.dtype) / operations,
            "forward pass": lambda: forward_texts_per_s(model, tokenized, given.batch_tokens),
        } | {delivery: partial(_worker, broker, stream, given, delivery, broker_cores) for delivery in broker_cores}
        runs = in_turns(given, variants)
    found, cores = medians(runs), medians(broker_cores)
    top = found["forward pass"]
    shares = {f"pipeline_to_ceiling_{delivery}": round(found[delivery] / top, 3) for delivery in broker_cores}
    report(
        given,
        ("what", "texts/s", "of the forward pass", "cores that the broker took"),
        [(name, rate, round(rate / top, 3), cores.get(name, "-")) for name, rate in found.items()],
        "pipeline / ceiling: at least once {}, exactly once {}".format(*shares.values()),
        variant=str(model.dtype).removeprefix("torch."),
        texts=origin,
        threads=given.threads,
        runs=runs,
        goals=shares | {"ceiling_to_matrix_peak": round(top / found["matrix products"], 3)},
    )


def _worker(
    broker: Kafka, stream: Stream, given: argparse.Namespace, delivery: str, cores: dict[str, list[float]]
) -> float:
    stream.renew()
    before = broker.cpu_seconds()
    own = {"model": given.model, "dtype": given.dtype, "batch_tokens": given.batch_tokens, "delivery": delivery}
    texts_per_s = drain(stream, [stream.worker(threads=given.threads, **own)], given.texts)
    cores[delivery].append((broker.cpu_seconds() - before) * texts_per_s / given.texts)
    return texts_per_s


if __name__ == "__main__":
    main()
