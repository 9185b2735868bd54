"""What most peers share: the transformers pipeline."""

from transformers import pipeline

from tests.benchmarks.peers.told import BATCH, MODEL, TUNED

_classify = pipeline("text-classification", MODEL, dtype="float32", device="cpu")


def label(texts: list[str]) -> list[dict[str, object]]:
    """As people call it; tuned: in batches of like length."""
    if not TUNED:
        return list(_classify(texts, truncation=True))
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    answers = _classify([texts[index] for index in order], truncation=True, batch_size=BATCH)
    found = dict(zip(order, answers, strict=True))
    return [found[index] for index in range(len(texts))]
