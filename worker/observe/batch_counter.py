"""Counts batches as the model asks for them."""

from collections.abc import Iterable, Iterator

from worker.flow import Batch, width
from worker.observe.metrics import Meters
from worker.observe.runtime_metrics import BATCH_PADDED_TOKENS, BATCH_TEXTS, PADDED_TOKENS, TOKENS


def counted(meters: Meters, batches: Iterable[Batch]) -> Iterator[tuple[Batch, int]]:
    """Each batch, with how many texts it has."""
    for batch in batches:
        widths = [width(row) for row in batch]
        padded = max(widths) * len(widths)
        texts = sum(map(len, batch))
        meters[BATCH_TEXTS].observe(texts)
        meters[BATCH_PADDED_TOKENS].observe(padded)
        meters[TOKENS].inc(sum(widths))
        meters[PADDED_TOKENS].inc(padded)
        yield batch, texts
