"""What all peers share: the transformers pipeline, and what they are told."""

import os

from transformers import pipeline

SERVERS, INPUT, OUTPUT, GROUP, MODEL = (
    os.environ[f"PEER_{name}"] for name in ("SERVERS", "INPUT", "OUTPUT", "GROUP", "MODEL")
)
TUNED = os.environ["PEER_TUNED"] == "1"
BATCH = 32  # texts at once, where a peer batches

_classify = pipeline("text-classification", MODEL, dtype="float32", device="cpu")


def label(texts: list[str]) -> list[dict[str, object]]:
    """As people call it; tuned: in batches of like length."""
    if not TUNED:
        return list(_classify(texts, truncation=True))
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    answers = _classify([texts[index] for index in order], truncation=True, batch_size=BATCH)
    found = dict(zip(order, answers, strict=True))
    return [found[index] for index in range(len(texts))]
