"""Quix Streams with a transformers pipeline: a streaming data frame, one message at a time."""

from typing import Any

from quixstreams import Application

from tests.benchmarks.peers.labeller import label
from tests.benchmarks.peers.told import GROUP, INPUT, OUTPUT, SERVERS, TUNED


def _labelled(message: dict[str, Any]) -> dict[str, Any]:
    (answer,) = label([message["text"]])
    return {"id": message["id"], **answer}


def main() -> None:
    tuned = {"commit_every": 512, "producer_extra_config": {"linger.ms": 20}} if TUNED else {}
    app = Application(
        broker_address=SERVERS,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="WARNING",
        **tuned,
    )
    frame = app.dataframe(app.topic(INPUT, value_deserializer="json"))
    frame = frame.apply(_labelled)
    frame.to_topic(app.topic(OUTPUT, value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main()
