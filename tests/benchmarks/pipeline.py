"""The worker through Kafka against the forward pass alone, at least once and exactly once, in turns."""

from functools import partial

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.streams import Kafka, Stream, drain
from tests.benchmarks.harness.texts import distinct_texts
from worker.build import load_model
from worker.flow import Request
from worker.settings import load_settings
from worker.warm_up import forward_texts_per_s


def main() -> None:
    given = options(__doc__ or "", texts=4000, rounds=3, threads=2, batch_tokens=512, model="bundled")
    texts, origin = distinct_texts(given.texts)
    model, tokenizer = load_model(load_settings(model=given.model))
    import torch

    torch.set_num_threads(given.threads)
    tokenized = tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(texts))
    shares: dict[str, list[float]] = {"at_least_once": [], "exactly_once": []}
    with filled_stream(texts) as (broker, stream):
        settings = {"model": given.model, "batch_tokens": given.batch_tokens}
        variants = {"forward pass": lambda: forward_texts_per_s(model, tokenized, given.batch_tokens)} | {
            delivery: partial(_worker, broker, stream, len(texts), given.threads, shares[delivery], delivery, settings)
            for delivery in shares
        }
        found = medians(in_turns(given.rounds, variants))
    top = found["forward pass"]
    broker_share = medians(shares)
    rows = [
        (name, texts_per_s, round(texts_per_s / top, 3), broker_share.get(name, "-"))
        for name, texts_per_s in found.items()
    ]
    report(
        "pipeline",
        ("what", "texts/s", "of the forward pass", "cores that the broker took"),
        rows,
        f"pipeline / ceiling: at least once {found['at_least_once'] / top:.3f}, exactly once "
        f"{found['exactly_once'] / top:.3f}",
        texts=origin,
        threads=given.threads,
        results=found,
        broker_cores=broker_share,
    )


def _worker(
    broker: Kafka,
    stream: Stream,
    records: int,
    threads: int,
    shares: list[float],
    delivery: str,
    settings: dict[str, object],
) -> float:
    stream.renew()
    before = broker.cpu_seconds()
    texts_per_s = drain(stream, [stream.worker(threads=threads, delivery=delivery, **settings)], records)
    shares.append((broker.cpu_seconds() - before) * texts_per_s / records)
    return texts_per_s


if __name__ == "__main__":
    main()
