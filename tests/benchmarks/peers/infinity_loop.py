"""Infinity's engine in the plain loop: it has no Kafka of its own. It batches and sorts by length itself."""

import asyncio
from typing import Any

from infinity_emb import AsyncEmbeddingEngine, EngineArgs
from infinity_emb.primitives import Device, Dtype

from tests.benchmarks.peers.plain_loop import run
from tests.benchmarks.peers.told import BATCH, MODEL, TUNED


async def main() -> None:
    engine = AsyncEmbeddingEngine.from_args(
        EngineArgs(
            model_name_or_path=MODEL,
            device=Device.cpu,
            dtype=Dtype.float32,
            engine="torch",
            bettertransformer=False,  # what it makes faster, transformers does by itself now
            **({"batch_size": BATCH, "lengths_via_tokenize": True} if TUNED else {}),
        )
    )
    loop = asyncio.get_running_loop()

    def label(texts: list[str]) -> list[dict[str, object]]:
        classified = asyncio.run_coroutine_threadsafe(engine.classify(sentences=texts, raw_scores=False), loop)
        answers: list[list[dict[str, Any]]] = classified.result(120)[0]
        best: list[dict[str, Any]] = [max(scores, key=lambda score: float(score["score"])) for scores in answers]
        return best

    async with engine:
        await asyncio.to_thread(run, label)


if __name__ == "__main__":
    asyncio.run(main())
