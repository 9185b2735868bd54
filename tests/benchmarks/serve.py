"""`serve` over HTTP with 50 clients: how many texts a second, and how long each takes at half of that.

The clients are a process of their own, one text a request, on connections that they keep. At half load arrivals are
random (Poisson), planned beforehand, and wait for nobody: a text's latency counts from when it was due. Beside it the
bare model, which gets the same texts in batches: of the mean size that the server made then, and of as many as there
are clients. Tokenizer, batches, forward pass.
"""

import argparse
import asyncio
import math
import random
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import torch
import uvloop

from tests.benchmarks.harness.command import options
from tests.benchmarks.harness.report import medians, report, rounds, say
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.harness.worker_process import WorkerProcess
from worker.flow import Request
from worker.labelling import load_model, planner
from worker.model.model import Model
from worker.model.tokenizer import Tokenizer
from worker.model.warm_up import forward_texts_per_s
from worker.settings import load_settings

SHARES = {"p50": 0.5, "p99": 0.99}


def main() -> None:
    given = options(
        __doc__ or "", texts=2000, seconds=30, rounds=3, threads=2, clients=50, model="bundled", batch_tokens=1024
    )
    texts, origin = distinct_texts(given.texts)
    model, tokenizer = load_model(load_settings(model=given.model, batch_tokens=given.batch_tokens))
    torch.set_num_threads(given.threads)
    runs: dict[str, list[float]] = defaultdict(list)
    with _served(given) as port:
        for number in rounds(given):
            found = _round(given, port, texts, model, tokenizer)
            for name, value in found.items():
                runs[name].append(round(value, 3))
            told = ", ".join(f"{name} {value:.2f}" for name, value in found.items())
            say(f"round {number} of {given.rounds}: {told}")
    middle = medians(runs)
    report(
        given,
        ("what", "figure"),
        middle.items(),
        f"with {given.clients} clients / forward pass: {middle['to forward pass']}, / the bare model in batches of "
        f"{middle['texts a window at full load']}: {middle['to bare model']}; p99 at half load / that of the "
        f"bare model in batches of {middle['texts a window']}: {middle['p99 to bare']}, in batches of {given.clients}: "
        f"{middle['p99 to bare, all clients in one batch']}",
        texts=origin,
        broker="no broker",
        runs=runs,
        goals={
            "serve_to_forward_pass": middle["to forward pass"],
            "serve_to_bare_model": middle["to bare model"],
            "p99_to_bare_model": middle["p99 to bare"],
            "p99_to_all_clients": middle["p99 to bare, all clients in one batch"],
        },
    )


def _round(
    given: argparse.Namespace, port: int, texts: list[str], model: Model, tokenizer: Tokenizer
) -> dict[str, float]:
    tokenized = tokenizer.tokenize(Request(0, "", text, None) for text in texts)
    forward = forward_texts_per_s(model, tokenized, given.batch_tokens)
    windows_before, labels_before = _counted(port)
    full = uvloop.run(_full_load(port, given.clients, texts))
    windows, labels = _counted(port)
    full_size = (labels - labels_before) / (windows - windows_before)
    alone = len(texts) / sum(_bare_seconds(model, tokenizer, texts, round(full_size)))
    seconds = sorted(uvloop.run(_half_load(port, given.clients, texts, full / 2, given.seconds)))
    windows_now, labels_now = _counted(port)
    size = (labels_now - labels) / (windows_now - windows)
    bare = sorted(_bare_seconds(model, tokenizer, texts, max(1, round(size))))
    together = sorted(_bare_seconds(model, tokenizer, texts, given.clients))
    found = {
        "forward pass, texts/s": forward,
        "serve, texts/s": full,
        "to forward pass": full / forward,
        "texts a window at full load": full_size,
        "bare model in batches of that size, texts/s": alone,
        "to bare model": full / alone,
    }
    for name, share in SHARES.items():
        found[f"half load, {name} ms"] = _share(seconds, share) * 1e3
        found[f"bare model, {name} ms"] = _share(bare, share) * 1e3
    p99 = _share(seconds, 0.99)
    return found | {
        "texts a window": size,
        "p99 to bare": p99 / _share(bare, 0.99),
        "p99 to bare, all clients in one batch": p99 / _share(together, 0.99),
    }


def _share(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(len(ordered) * share) - 1]


@contextmanager
def _served(given: argparse.Namespace) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    port = free_port()
    with TemporaryDirectory(prefix="benchmark-") as folder:
        settings = {"model": given.model, "batch_tokens": given.batch_tokens, "serve_port": port}
        server = WorkerProcess(Path(folder), **settings)
        server.environment["OMP_NUM_THREADS"] = str(given.threads)
        with server.start("serve"):
            server.wait_for("serve_started")
            eventually(lambda: _answers(port), 30, "a server that answers")
            yield port
            server.terminate()


def _answers(port: int) -> bool:
    try:
        return bool(_counted(port))
    except OSError:
        return False


def _counted(port: int) -> tuple[float, float]:
    """Windows and labels, by the server's own metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
    windows = sum(float(value) for name, _, value in lines if name == 'emotion_stage_seconds_count{stage="predict"}')
    return windows, sum(float(value) for name, _, value in lines if name.startswith("emotion_labels_total"))


class _Client:
    """One connection that is kept, and as little work as possible: it shares the machine with the server."""

    async def connect(self, port: int) -> "_Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    async def ask(self, text: str) -> None:
        body = orjson.dumps({"text": text})
        self._writer.write(b"POST /label HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        await self._reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def _full_load(port: int, clients: int, texts: list[str]) -> float:
    """Texts a second when each client asks again at once; after a few texts to warm up."""
    waiting = iter(texts)

    async def drain(client: _Client) -> None:
        for text in waiting:
            await client.ask(text)

    connected = [await _Client().connect(port) for _ in range(clients)]
    await asyncio.gather(*(client.ask(text) for client, text in zip(connected, texts, strict=False)))
    started = time.perf_counter()
    await asyncio.gather(*map(drain, connected))
    return len(texts) / (time.perf_counter() - started)


async def _half_load(port: int, clients: int, texts: list[str], rate: float, seconds: float) -> list[float]:
    """Seconds from when each text was due to when its label was there."""
    due_texts: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
    taken: list[float] = []

    async def answer(client: _Client) -> None:
        while True:
            due, text = await due_texts.get()
            await client.ask(text)
            taken.append(time.perf_counter() - due)
            due_texts.task_done()

    answering = [asyncio.create_task(answer(await _Client().connect(port))) for _ in range(clients)]
    chance = random.Random(1)  # noqa: S311
    at = time.perf_counter() + 0.1
    for number in range(int(rate * seconds)):
        at += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due_texts.put_nowait((at, texts[number % len(texts)]))
    await due_texts.join()
    for task in answering:
        task.cancel()
    return taken


def _bare_seconds(model: Model, tokenizer: Tokenizer, texts: list[str], size: int) -> list[float]:
    """Seconds that the bare model takes for each so many texts."""
    plan = planner(model)
    taken = []
    for start in range(0, len(texts) - size + 1, size):
        requests = [Request(index, "", text, None) for index, text in enumerate(texts[start : start + size])]
        started = time.perf_counter()
        for _ in model.predict(plan(tokenizer.tokenize(requests))):
            pass
        taken.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    main()
