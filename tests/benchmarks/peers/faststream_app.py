"""FastStream with a transformers pipeline: one message a call, or batches of them."""

import asyncio
from typing import Any

from faststream import FastStream
from faststream.kafka import KafkaBroker

from tests.benchmarks.peers.labeller import label
from tests.benchmarks.peers.told import GROUP, INPUT, OUTPUT, SERVERS, TUNED

# A published batch has to fit into one batch of the client, 16 KiB unless told otherwise: 110 labels.
broker = KafkaBroker(SERVERS, max_batch_size=1 << 20) if TUNED else KafkaBroker(SERVERS)

if TUNED:

    @broker.subscriber(INPUT, group_id=GROUP, auto_offset_reset="earliest", batch=True, max_records=512)  # type: ignore[untyped-decorator]
    async def handle_batch(messages: list[dict[str, Any]]) -> None:
        answers = await asyncio.to_thread(label, [message["text"] for message in messages])
        labels = [{"id": message["id"], **answer} for message, answer in zip(messages, answers, strict=True)]
        await broker.publish_batch(*labels, topic=OUTPUT)

else:

    @broker.subscriber(INPUT, group_id=GROUP, auto_offset_reset="earliest")  # type: ignore[untyped-decorator]
    @broker.publisher(OUTPUT)  # type: ignore[untyped-decorator]
    async def handle(message: dict[str, Any]) -> dict[str, Any]:
        (answer,) = label([message["text"]])
        return {"id": message["id"], **answer}


if __name__ == "__main__":
    asyncio.run(FastStream(broker).run())
