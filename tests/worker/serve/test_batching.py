"""Requests that come together are computed together, as many as find room; what breaks the model ends the server."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch

from schemas.dead_letter import Reason
from tests.harness.eventually import eventually
from tests.worker.serve.conftest import Served, serving
from worker.flow import Prediction, Rejected, Request
from worker.serve.batching import BatchingQueue
from worker.serve.refusals import ClientGoneError, OverloadedError, RefusedError
from worker.serve.stages import ServeStages

ASKED = [("a", True), ("b", False), ("c", True), ("d", False)]


class Gate:
    """Holds the model back; knows how many texts each window had."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = threading.Event()
        self.windows: list[int] = []
        real = ServeStages.answers

        def answers(stages: ServeStages, requests: list[Request], is_raw: bool) -> Iterator[Prediction | Rejected]:
            self.windows.append(len(requests))
            assert self.open.wait(60)
            return real(stages, requests, is_raw)

        monkeypatch.setattr(ServeStages, "answers", answers)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


def queued(served: Served, texts: int) -> None:
    """Wait until so many texts are not answered yet."""
    eventually(lambda: served.metric("emotion_http_queued_texts") == texts, 30, f"{texts} queued texts")


def test_those_who_come_while_the_model_is_busy_share_the_next_window(gate: Gate, tiny_model: Path) -> None:
    texts = [f"number {number}" for number in range(30)]
    with serving(tiny_model) as served, ThreadPoolExecutor(40) as clients:
        first = clients.submit(served.ask, "/label", "the first")
        eventually(lambda: gate.windows, 30, "a window")
        asked = [clients.submit(served.ask, "/label", {"id": text, "text": text}) for text in texts]
        asked += [clients.submit(served.ask, "/label", [{"id": "a", "text": "a"}, {"id": "b", "text": "b"}])]
        queued(served, 33)
        gate.open.set()
        answers = [future.result().json for future in asked]
        alone = [served.ask("/label", {"id": text, "text": text}).json["scores"] for text in texts[:3]]
    assert first.result().status == 200
    assert gate.windows[:2] == [1, 32]
    assert [answer["id"] for answer in answers[:30]] == texts
    assert [answer["id"] for answer in answers[30]] == ["a", "b"]
    assert [answer["scores"] for answer in answers[:3]] == [pytest.approx(scores, abs=2e-6) for scores in alone]


def test_the_models_thread_has_the_cores_that_the_one_that_loaded_it_had(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    cores: list[int] = []
    real = ServeStages.answers

    def answers(stages: ServeStages, requests: list[Request], is_raw: bool) -> Iterator[Prediction | Rejected]:
        cores.append(torch.get_num_threads())
        return real(stages, requests, is_raw)

    monkeypatch.setattr(ServeStages, "answers", answers)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with serving(tiny_model, batch_tokens=None) as served:  # whose measurement works on batches side by side
            served.ask("/label", "a text")
    finally:
        torch.set_num_threads(before)
    assert cores == [2]


def test_a_full_queue_refuses_in_words_and_lets_in_who_comes_back(gate: Gate, tiny_model: Path) -> None:
    with (
        serving(tiny_model, serve_max_texts=3, serve_max_queued_texts=4) as served,
        ThreadPoolExecutor(4) as clients,
    ):
        waiting = [clients.submit(served.ask, "/label", ["a", "b", "c"])]
        queued(served, 3)
        refused = served.ask("/label", ["a", "b"])
        assert refused.status == 429
        assert refused.headers["retry-after"] == "1"
        assert refused.json["error_type"] == "Overloaded"
        assert refused.json["error"].startswith("overloaded: 2 texts, and there is room for 1 now: ")
        assert served.ask("/predict", {"inputs": [["a"], ["b"]]}).status == 429
        waiting.append(clients.submit(served.ask, "/label", "d"))
        queued(served, 4)
        assert served.ask("/readyz").status == 200
        gate.open.set()
        assert [future.result().status for future in waiting] == [200, 200]
        assert served.ask("/label", ["a", "b"]).status == 200


def test_what_its_client_waits_for_no_more_is_not_computed() -> None:
    async def scenario() -> None:
        computed: list[str] = []

        def compute(requests: list[Request], is_raw: bool) -> list[Rejected]:
            computed.extend(request.text for request in requests)
            return [Rejected(request.index, Reason.MODEL_FAILED, "") for request in requests]

        queue = BatchingQueue(compute, max_texts=10)
        asking = [
            asyncio.create_task(queue.answers([Request(0, "", text, None)], partial(bool, gone)))
            for text, gone in ASKED
        ]
        running = asyncio.create_task(queue.run())
        found = await asyncio.gather(*asking, return_exceptions=True)
        running.cancel()
        assert [isinstance(each, ClientGoneError) for each in found] == [gone for _, gone in ASKED]
        assert computed == [text for text, gone in ASKED if not gone]

    asyncio.run(scenario())


def test_too_many_are_refused_without_a_place_and_those_without_texts_never() -> None:
    async def scenario() -> None:
        queue = BatchingQueue(lambda *_: [], max_texts=1)
        with pytest.raises(OverloadedError):
            await queue.answers([Request(place, "", "a", None) for place in range(2)], lambda: False)
        assert await queue.answers([], lambda: False) == []

    asyncio.run(scenario())


def test_a_broken_device_ends_the_server_and_all_who_wait_are_told() -> None:
    async def scenario() -> None:
        def compute(requests: list[Request], is_raw: bool) -> list[Rejected]:
            raise RuntimeError("the device is broken")

        queue = BatchingQueue(compute, max_texts=10)
        waiting = asyncio.create_task(queue.answers([Request(0, "", "a", None)], lambda: False))
        with pytest.raises(RuntimeError, match="the device is broken"):
            await queue.run()
        for late in (waiting, asyncio.create_task(queue.answers([Request(0, "", "b", None)], lambda: False))):
            with pytest.raises(RefusedError, match="the model is broken") as told:
                await late
            assert told.value.status == 424

    asyncio.run(scenario())
