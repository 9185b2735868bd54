"""What is found out about a model on its device before the first text: the best batch size, and whether it is right."""

import logging
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain, cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from worker.flow import Batch, Request, TokenizedText, width
from worker.model.batcher import plan
from worker.model.sample_texts import sample_texts

if TYPE_CHECKING:
    import torch

    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

_CPU_BUDGETS = (512, 1_024, 2_048)
_GPU_BUDGETS = (4_096, 8_192, 16_384, 32_768)
_LENGTHS = (7, 12, 15, 18, 22, 26, 31, 40)  # tokens of messages
_MOST_ROUNDS = 8
_ENOUGH_SECONDS = 1.5  # of measuring; to a model that takes longer for a batch its size matters less and less
_MEETING_SECONDS = 3.0  # the bundled model takes one; a large one gets as far as its small windows
_CLEARLY = 1.03  # a larger batch has to be that much faster: it costs memory, and a lone text's neighbours time
SAMPLES = 200
MAX_DIFFERENT = 1  # 0.5 %


def find_batch_tokens(model: "Model", cache_file: Path, clock: Callable[[], float] = time.perf_counter) -> int:
    """The padded tokens a batch at which this model is fastest here; measured once, then read from `cache_file`."""
    found = _read(cache_file)
    key = model.fingerprint()
    if key not in found:
        found[key] = fastest(_measurements(model, clock))
        _log.info("batch_tokens_found", extra={"batch_tokens": found[key]})
        _write(cache_file, found)
    return found[key]


def fastest(seconds: dict[int, float]) -> int:
    """The smallest budget that no larger one clearly beats."""
    best, *larger = sorted(seconds)
    for budget in larger:
        if seconds[budget] * _CLEARLY < seconds[best]:
            best = budget
    return best


def warm_up_shapes(model: "Model", clock: Callable[[], float] = time.perf_counter) -> None:
    """Compute batches of the usual sizes of windows of a few texts, where the first of a size takes longer.

    Left to the first texts, that is the tail of their latency. It ends early for a model to which it matters less.
    """
    if model.step_tokens > 1:
        text = TokenizedText([], model.stand_in(min(model.step_tokens, model.positions)), truncated=False)
        a_row = model.row_tokens // model.step_tokens
        most_rows = min(model.batch_tokens, _CPU_BUDGETS[-1]) // model.row_tokens
        lone = [[[text] * texts] for texts in range(1, a_row)]
        full = [[[text] * a_row] * rows for rows in range(1, most_rows + 1)]
        began = clock()
        for batch in lone + full:
            try:
                model.forward(model.inputs(batch))
            except RuntimeError as error:  # with a text in it, it would be halved
                tokens = len(batch) * model.row_tokens
                _log.warning("batch_tokens_too_many", extra={"batch_tokens": tokens, "error": type(error).__name__})
                break
            if clock() - began > _MEETING_SECONDS:
                break


def cache_file() -> Path:
    """Where measurements are kept: below XDG_CACHE_HOME, else ~/.cache, else the folder for temporary files."""
    home = os.path.expanduser("~")  # Path.home() raises where there is none
    base = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home != "~" else tempfile.gettempdir())
    return Path(base) / "emotion-labeller" / "batch-tokens.json"


def different_labels(model: "Model", exact: "Model", tokenizer: "Tokenizer") -> int:
    """How many of SAMPLES built-in texts the two label differently; more than MAX_DIFFERENT are too many."""
    tokenized = tokenized_samples(tokenizer, SAMPLES)
    ours, theirs = _labels(model, tokenized), _labels(exact, tokenized)
    return sum(ours[index] != label for index, label in theirs.items())


def tokenized_samples(tokenizer: "Tokenizer", count: int) -> list[TokenizedText]:
    """So many built-in texts, ready for the model."""
    return tokenizer.tokenize(Request(index, "", text, None) for index, text in enumerate(sample_texts(count)))


def forward_texts_per_s(model: "Model", tokenized: list[TokenizedText], batch_tokens: int) -> float:
    """Texts a second of the forward pass alone: tokenized and packed beforehand, over the whole set."""
    inputs = [model.inputs(batch) for batch in plan(tokenized, batch_tokens, model.row_tokens, sharing=model.sharing)]
    started = time.perf_counter()
    for _ in model.forward_each(inputs):
        pass
    return len(tokenized) / (time.perf_counter() - started)


def _labels(model: "Model", tokenized: list[TokenizedText]) -> dict[int, list[int] | None]:
    """The labels of each text by its index; None where the number format has no finite score for it."""
    labels: dict[int, list[int] | None] = {}
    for batch in plan(tokenized, model.batch_tokens, model.row_tokens, sharing=model.sharing):
        scores = model.forward(model.inputs(batch))
        found = zip(_given(scores, model.info.thresholds), scores.isfinite().all(dim=1).tolist(), strict=True)
        for item, (given, is_finite) in zip(chain.from_iterable(batch), found, strict=True):
            labels |= {request.index: given if is_finite else None for request in item.requests}
    return labels


def _given(scores: "torch.Tensor", thresholds: list[float] | None) -> list[list[int]]:
    """Of each text the best label; of a multi-label model those that reach their thresholds, in its order."""
    if thresholds is None:
        return [[best] for best in scores.argmax(dim=1).tolist()]
    return [reached.nonzero().flatten().tolist() for reached in scores >= scores.new_tensor(thresholds)]


def _measurements(model: "Model", clock: Callable[[], float]) -> dict[int, float]:
    """Seconds a token in a batch of each budget that the device's memory holds, and the time there is for it."""
    budgets = _CPU_BUDGETS if model.device.type == "cpu" else _GPU_BUDGETS
    batches = {budget: _full_batch(model, budget) for budget in budgets}
    seconds: dict[int, float] = {}
    deadline = clock() + _ENOUGH_SECONDS
    for budget in [budgets[0], *budgets * _MOST_ROUNDS]:  # in turns, so that a noisy moment hits all
        expected = budget * min(seconds.values(), default=0.0)
        if clock() + expected > deadline:
            break
        batch = batches[budget]
        try:
            taken = model.seconds(batch) / sum(map(width, batch))
        except RuntimeError as error:
            if budget == budgets[0]:
                raise
            _log.warning("batch_tokens_too_many", extra={"batch_tokens": budget, "error": type(error).__name__})
            break
        seconds[budget] = min(taken, seconds.get(budget, math.inf))
    return seconds


def _full_batch(model: "Model", budget: int) -> Batch:
    """A batch as large windows have them."""
    lengths = [min(length, model.positions) for length in _LENGTHS]
    texts = (TokenizedText([], model.stand_in(length), truncated=False) for length in cycle(lengths))
    enough = islice(texts, math.ceil(2 * budget / statistics.mean(lengths)))
    return max(plan(enough, budget, model.row_tokens, sharing=model.sharing), key=lambda batch: sum(map(width, batch)))


def _read(file: Path) -> dict[str, int]:
    try:
        content = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    found = content if isinstance(content, dict) else {}
    return {key: value for key, value in found.items() if isinstance(value, int) and value > 0}


def _write(file: Path, found: dict[str, int]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f"{file.name}.{os.getpid()}")
        scratch.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        scratch.replace(file)  # another process of this machine may be writing as well
    except OSError as error:  # a read-only file system: it is measured again at the next start
        _log.info("batch_tokens_not_kept", extra={"error": type(error).__name__})
