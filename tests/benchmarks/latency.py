"""Latency from topic to topic at 25, 50, 75 and 90 % of what the worker can do, with arrivals that wait for nobody.

Arrivals are random (Poisson) and planned beforehand; a text's latency counts from when it was due, so that a stall of
the sender hides nothing (no coordinated omission). Read by another client, committed labels only.
"""

import argparse
import random
import statistics
import threading
import time
from collections import defaultdict
from typing import Any

import orjson
import torch
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.report import medians, report, rounds, say
from tests.benchmarks.harness.streams import PARTITIONS, Stream, drain
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.eventually import eventually
from worker.flow import Request
from worker.labelling import load_model
from worker.model.model import Model
from worker.model.packing import Inputs
from worker.settings import load_settings

_LONE_TEXTS = 200
LOADS = (0.25, 0.5, 0.75, 0.9)
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_GRACE_SECONDS = 120  # for the labels of what was sent last


def main() -> None:
    given = options(
        __doc__ or "",
        texts=2000,
        seconds=30,
        rounds=3,
        threads=2,
        delivery="exactly_once",
        model="bundled",
        batch_tokens=1024,
    )
    texts, origin = distinct_texts(given.texts)
    model, tokenizer = load_model(load_settings(model=given.model))
    torch.set_num_threads(given.threads)
    lone_texts = tokenizer.tokenize(Request(0, "", text, None) for text in texts[:_LONE_TEXTS])
    lone_inputs = [model.inputs([[text]]) for text in lone_texts]
    settings = {"model": given.model, "delivery": given.delivery, "batch_tokens": given.batch_tokens}
    runs: dict[str, list[float]] = defaultdict(list)
    with filled_stream(texts) as (_, stream):
        for _ in range(given.rounds):
            stream.renew()
            runs["full load"].append(drain(stream, [stream.worker(threads=given.threads, **settings)], len(texts)))
        capacity = medians(runs)["full load"]
        say(f"full load: {capacity} texts/s")
        for number in rounds(given):
            found = {"lone ms": _lone_forward_ms(model, lone_inputs)}
            found |= _round(stream, given, settings, texts, capacity)
            found["p99 to allowed"] = found["50% p99"] / (3 * found["lone ms"] + 50)
            for name, value in found.items():
                runs[name].append(round(value, 2))
            told = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            say(f"round {number} of {given.rounds}: {told}")
    middle = medians(runs)
    report(
        given,
        ("load", "texts/s", *(f"{name} ms" for name in SHARES)),
        [(f"{load:.0%}", round(capacity * load), *(middle[f"{load:.0%} {name}"] for name in SHARES)) for load in LOADS],
        f"p99 at 50 % load / (3 x forward pass of a lone text, {middle['lone ms']} ms, + 50 ms): "
        f"{middle['p99 to allowed']}",
        texts=origin,
        delivery=given.delivery,
        runs=runs,
        goals={"p99_at_half_load_to_allowed": middle["p99 to allowed"]},
    )


def _round(
    stream: Stream, given: argparse.Namespace, settings: dict[str, Any], texts: list[str], capacity: float
) -> dict[str, float]:
    """Latencies in ms at shares of what the worker can do, in texts/s."""
    found = {}
    fresh = Stream(stream.servers, stream.folder)
    with fresh.worker(threads=given.threads, start_offset="latest", **settings) as worker:
        worker.wait_until_ready()
        latencies(fresh, texts[:50], 5.0)  # warm
        for load in LOADS:
            rate = capacity * load
            arrivals = max(2, int(rate * given.seconds))
            seconds = sorted(latencies(fresh, [texts[n % len(texts)] for n in range(arrivals)], rate))
            for name, share in SHARES.items():
                found[f"{load:.0%} {name}"] = seconds[int(len(seconds) * share)] * 1e3
    return found


def _lone_forward_ms(model: Model, inputs: list[Inputs]) -> float:
    """Median of the forward pass of one text at a time, tokenized beforehand."""
    taken = []
    for lone in inputs:
        started = time.perf_counter()
        model.forward(lone)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e3


def latencies(stream: Stream, texts: list[str], rate: float) -> list[float]:
    """Seconds from when each text was due to when its label was read."""
    due: dict[str, float] = {}
    seen: dict[str, float] = {}
    ready, stop = threading.Event(), threading.Event()
    reader = threading.Thread(target=_read, args=(stream, seen, ready, stop), daemon=True)
    reader.start()
    ready.wait(30)
    producer = Producer({"bootstrap.servers": stream.servers, "linger.ms": 0, "acks": "all"})
    chance = random.Random(1)  # noqa: S311
    at = time.monotonic() + 0.1
    pause = threading.Event()
    for number, text in enumerate(texts):
        at += chance.expovariate(rate)
        pause.wait(max(0.0, at - time.monotonic()))
        name = f"{id(due)}-{number}"
        due[name] = at
        producer.produce(stream.input, orjson.dumps({"id": name, "text": text}), partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush(60)
    eventually(lambda: len(seen) >= len(texts), _GRACE_SECONDS, f"{len(texts)} labels", interval_s=0.05)
    stop.set()
    reader.join(10)
    return [seen[name] - due[name] for name in due]


def _read(stream: Stream, seen: dict[str, float], ready: threading.Event, stop: threading.Event) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": stream.servers,
            "group.id": "latency-reader",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    places = [TopicPartition(stream.output, number) for number in range(PARTITIONS)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=30)[1]
    consumer.assign(places)
    ready.set()
    while not stop.is_set():
        message = consumer.poll(0.05)  # one at a time: to ask for several is to wait until they are there
        if message is not None and message.error() is None:
            seen.setdefault(orjson.loads(message.value() or b"{}")["id"], time.monotonic())
    consumer.close()


if __name__ == "__main__":
    main()
