"""Texts to batches, by the tokens that the model will really compute: padding included."""

from collections.abc import Iterable, Iterator

from worker.flow import Batch, TokenizedText


def plan(tokenized: Iterable[TokenizedText], batch_tokens: int) -> Iterator[Batch]:
    """Split a window into batches of texts of like length.

    Every text of a batch is padded to its longest, so a batch costs `longest * len(batch)` tokens. That stays within
    `batch_tokens`, except for one text that is longer alone.
    """
    batch: Batch = []
    for item in sorted(tokenized, key=lambda item: len(item.ids)):
        if batch and len(item.ids) * (len(batch) + 1) > batch_tokens:  # sorted: the newcomer is the longest
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch
