"""Texts to batches, by the tokens that the model will compute: padding included."""

from collections.abc import Callable, Iterable, Iterator

from worker.flow import Batch, Row, TokenizedText, width
from worker.model.sharing import Sharing

_ROWS_ENOUGH = 8  # a part: whole rows are even enough then, and those of like width stay together
_LEAST_TOKENS = 32  # a part: for fewer, a core would mostly read weights


def plan(
    tokenized: Iterable[TokenizedText],
    batch_tokens: int,
    row_tokens: int = 0,
    shares: Callable[[int], int] = lambda _: 0,
    sharing: Sharing = Sharing.ANY_LENGTHS,
) -> list[Batch]:
    """Split a window into batches.

    Every row of a batch is padded to its widest, so a batch costs `widest * len(batch)` tokens. That stays within
    `batch_tokens`, except for one text that is longer alone. Steps in which a model widens rows come on top.

    Args:
        tokenized: The texts of a window.
        batch_tokens: What a batch may cost.
        row_tokens: Short texts share rows of so many tokens, for a model that keeps them apart; 0: each has its own.
        shares: How many batches of like cost there had better be, given how many are the least; 0: it does not matter.
        sharing: Which texts may share a batch; where not any, each text has a row, and there is no padding.
    """
    if sharing != Sharing.ANY_LENGTHS:
        return list(
            _fill(_rows(tokenized, 0), batch_tokens if sharing == Sharing.EQUAL_LENGTHS else 0, are_padded=False)
        )
    texts, row_tokens = list(tokenized), min(row_tokens, batch_tokens)
    rows = _rows(texts, row_tokens)
    full = list(_fill(rows, batch_tokens, are_padded=True))
    parts = shares(len(full))
    if len(rows) < parts * _ROWS_ENOUGH:
        even = [_rows(part, row_tokens) for part in _cut(texts, parts)]
    else:
        even = _split(rows, parts)
    fit = all(width(batch[-1]) * len(batch) <= batch_tokens for batch in even)  # sorted: the last row is the widest
    return even if even and fit else full


def _fill(rows: list[Row], batch_tokens: int, *, are_padded: bool) -> Iterator[Batch]:
    batch: Batch = []
    for row in rows:
        fits = width(row) * (len(batch) + 1) <= batch_tokens and (
            are_padded or not batch or width(row) == width(batch[0])
        )
        if batch and not fits:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _split(rows: list[Row], parts: int) -> list[Batch]:
    """At most so many parts of like width."""
    batches: list[Batch] = [[] for _ in range(parts)]
    total, before = sum(map(width, rows)), 0
    for row in rows if parts else ():
        batches[before * parts // total].append(row)
        before += width(row)
    return [batch for batch in batches if batch]


def _cut(texts: list[TokenizedText], parts: int) -> list[list[TokenizedText]]:
    """At most so many parts of like amounts of tokens, and none that is not worth a core."""
    parts = min(parts, sum([len(text.ids) for text in texts]) // _LEAST_TOKENS)
    if parts < 2:
        return []
    cut: list[list[TokenizedText]] = [[] for _ in range(parts)]
    tokens = [0] * parts
    for text in sorted(texts, key=lambda text: -len(text.ids)):
        part = tokens.index(min(tokens))
        cut[part].append(text)
        tokens[part] += len(text.ids)
    return [part for part in cut if part]


def _rows(texts: Iterable[TokenizedText], row_tokens: int) -> list[Row]:
    """The narrowest first."""
    return sorted(_pack(texts, row_tokens), key=width)


def _pack(tokenized: Iterable[TokenizedText], row_tokens: int) -> list[Row]:
    """Best fit decreasing: the longest text first, each into the row that has the least room that is enough."""
    rows: list[Row] = []
    by_room: list[list[Row]] = [[] for _ in range(row_tokens + 1)]
    rooms = 0  # bit n: there is a row with room for n tokens
    for item in sorted(tokenized, key=lambda item: -len(item.ids)):
        tokens = len(item.ids)
        if enough := rooms >> tokens:
            room = tokens + (enough & -enough).bit_length() - 1
            row = by_room[room].pop()
            if not by_room[room]:
                rooms ^= 1 << room
        else:
            room = max(row_tokens, tokens)
            row = []
            rows.append(row)
        row.append(item)
        if left := room - tokens:
            by_room[left].append(row)
            rooms |= 1 << left
    return rows
